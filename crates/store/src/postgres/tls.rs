//! TLS to the server, as the address asks for it.
//!
//! - `sslmode=disable`: none.
//! - `sslmode=prefer`, or nothing said: encrypted where the server can, without asking who it is. As with PostgreSQL's
//!   own programs, this keeps out who listens, not who stands in between.
//! - `sslmode=require`, `verify-ca` or `verify-full`: encrypted, and the server's certificate must be for the host's name
//!   and from an authority that the operating system trusts, or from the one in `sslrootcert=/path/to/authority.pem`.

use std::sync::Arc;

use percent_encoding::percent_decode_str;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use tokio_postgres::Config;
use tokio_postgres::config::SslMode;
use tokio_postgres_rustls::MakeRustlsConnect;

use super::connection::chain;
use crate::DbError;

/// Reads the address, and what it says about TLS.
pub(super) fn read(url: &str) -> Result<(Config, MakeRustlsConnect), DbError> {
    let (url, authority) = take_authority(url)?;
    let config: Config = url.parse().map_err(|error| {
        DbError::Open(format!("the database's address cannot be read: {}", chain(&error)))
    })?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| DbError::Open(format!("no TLS: {error}")))?;
    let tls = match (config.get_ssl_mode(), authority) {
        (SslMode::Require, authority) => tls.with_root_certificates(trusted(authority.as_deref())?),
        (_, Some(_)) => {
            return Err(DbError::Open(
                "the database's address has sslrootcert, which is only looked at with sslmode=verify-full"
                    .into(),
            ));
        }
        _ => tls.dangerous().with_custom_certificate_verifier(Arc::new(Anyone(provider))),
    };
    Ok((config, MakeRustlsConnect::new(tls.with_no_client_auth())))
}

/// Takes out of the address what the driver doesn't know: `sslrootcert`, and the modes that verify, which are all one
/// here.
fn take_authority(url: &str) -> Result<(String, Option<String>), DbError> {
    let Some((base, query)) = url.split_once('?') else { return Ok((url.to_owned(), None)) };
    let mut kept = Vec::new();
    let mut authority = None;
    for pair in query.split('&') {
        match pair.split_once('=') {
            Some(("sslrootcert", path)) => {
                let path = percent_decode_str(path).decode_utf8();
                authority =
                    Some(path.map_err(|_| DbError::Open("sslrootcert is not UTF-8".into()))?.into_owned());
            }
            Some(("sslmode", "verify-ca" | "verify-full")) => kept.push("sslmode=require"),
            _ => kept.push(pair),
        }
    }
    Ok((format!("{base}?{}", kept.join("&")), authority))
}

/// The authorities whose word is taken.
fn trusted(authority: Option<&str>) -> Result<RootCertStore, DbError> {
    let mut roots = RootCertStore::empty();
    if let Some(path) = authority {
        let unreadable = |error: &dyn std::fmt::Display| {
            DbError::Open(format!("the certificates in {path} cannot be read: {error}"))
        };
        for certificate in CertificateDer::pem_file_iter(path).map_err(|error| unreadable(&error))? {
            let certificate = certificate.map_err(|error| unreadable(&error))?;
            roots.add(certificate).map_err(|error| unreadable(&error))?;
        }
    } else {
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    }
    if roots.is_empty() {
        return Err(DbError::Open(
            "the server's certificate cannot be checked: the operating system has no trusted certificates (install the \
             package ca-certificates), or the file in sslrootcert has none"
                .into(),
        ));
    }
    Ok(roots)
}

/// Takes any certificate, as `sslmode=prefer` does, but only from who holds its key.
#[derive(Debug)]
struct Anyone(Arc<CryptoProvider>);

impl ServerCertVerifier for Anyone {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
