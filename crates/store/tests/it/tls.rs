//! TLS to a PostgreSQL server: encrypted when asked for, and only to the server that was meant.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;
use store::testing::{self, Place};
use store::{Db, DbError, Options};
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream, UnixStream};
use tokio_rustls::TlsAcceptor;

/// A server with TLS, made of the temporary one (which listens on a socket in the file system only) and a door before
/// it that speaks PostgreSQL's way of starting TLS.
struct Door {
    address: SocketAddr,
    /// How many connections were encrypted.
    encrypted: Arc<AtomicUsize>,
    authority: PathBuf,
    place: Place,
    directory: PathBuf,
    _runtime: tokio::runtime::Runtime,
}

/// The number a client sends to ask for TLS (PostgreSQL's protocol, SSLRequest).
const SSL_REQUEST: u32 = 80_877_103;

impl Door {
    fn open(with_tls: bool) -> Self {
        let mut authority = CertificateParams::default();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = names.signed_by(&key, &authority).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls =
            ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
        let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let tls = tls.with_no_client_auth().with_single_cert(vec![certificate.der().clone()], key).unwrap();
        let acceptor = with_tls.then(|| TlsAcceptor::from(Arc::new(tls)));

        let place = Place::empty_postgres();
        let (_, socket) = place.url().split_once("host=").map(|(a, b)| (a.to_owned(), b.to_owned())).unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let directory =
            std::env::temp_dir().join(format!("goodword-tls-{}-{}", std::process::id(), address.port()));
        std::fs::create_dir_all(&directory).unwrap();
        let file = directory.join("authority.pem");
        std::fs::write(&file, authority.pem()).unwrap();
        let encrypted = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&encrypted);
        runtime.spawn(async move {
            loop {
                let (client, _) = listener.accept().await.unwrap();
                let (acceptor, counter) = (acceptor.clone(), Arc::clone(&counter));
                let socket = format!("{socket}/.s.PGSQL.5432");
                tokio::spawn(async move { pass(client, acceptor, &counter, &socket).await });
            }
        });
        Self { address, encrypted, authority: file, place, directory, _runtime: runtime }
    }

    fn connect(&self, host: &str, query: &str) -> Result<(), DbError> {
        let name = self.place.url();
        let name = name.strip_prefix("postgres:///").unwrap().split('?').next().unwrap().to_owned();
        let url = format!("postgres://postgres@{host}:{}/{name}{query}", self.address.port());
        let options = Options { patience: Duration::from_secs(2), connections: 1, ..testing::options() };
        Db::open(&url, options).map(|db| db.close())
    }

    fn encrypted(&self) -> usize {
        self.encrypted.load(Ordering::SeqCst)
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        _ = std::fs::remove_dir_all(&self.directory);
    }
}

async fn pass(mut client: TcpStream, acceptor: Option<TlsAcceptor>, encrypted: &AtomicUsize, socket: &str) {
    let mut server = UnixStream::connect(socket).await.unwrap();
    let mut first = [0; 8];
    client.read_exact(&mut first).await.unwrap();
    if first != [8_u32.to_be_bytes(), SSL_REQUEST.to_be_bytes()].concat()[..] {
        server.write_all(&first).await.unwrap();
        _ = copy_bidirectional(&mut client, &mut server).await;
        return;
    }
    let Some(acceptor) = acceptor else {
        client.write_all(b"N").await.unwrap();
        _ = copy_bidirectional(&mut client, &mut server).await;
        return;
    };
    client.write_all(b"S").await.unwrap();
    if let Ok(mut client) = acceptor.accept(client).await {
        encrypted.fetch_add(1, Ordering::SeqCst);
        _ = copy_bidirectional(&mut client, &mut server).await;
    }
}

#[test]
fn a_certificate_of_a_trusted_authority_is_taken() {
    let door = Door::open(true);
    let root = format!("sslrootcert={}", door.authority.display());
    for mode in ["require", "verify-ca", "verify-full"] {
        let before = door.encrypted();
        door.connect("localhost", &format!("?sslmode={mode}&{root}")).unwrap();
        assert!(door.encrypted() > before, "{mode}");
    }
}

#[test]
fn a_certificate_of_anyone_is_refused_where_one_is_required() {
    let (door, stranger) = (Door::open(true), Door::open(true));
    let query = format!("?sslmode=require&sslrootcert={}", stranger.authority.display());
    let error = door.connect("localhost", &query).unwrap_err();
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");
    assert_eq!(door.encrypted(), 0);
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let door = Door::open(true);
    let query = format!("?sslmode=verify-full&sslrootcert={}", door.authority.display());
    let error = door.connect("127.0.0.1", &query).unwrap_err();
    assert!(error.to_string().contains("certificate"), "{error}");
    assert_eq!(door.encrypted(), 0);
}

#[test]
fn preferring_takes_what_the_server_has() {
    let (with, without) = (Door::open(true), Door::open(false));
    for query in ["", "?sslmode=prefer"] {
        with.connect("localhost", query).unwrap();
        without.connect("localhost", query).unwrap();
    }
    assert_eq!(with.encrypted(), 2);
    with.connect("localhost", "?sslmode=disable").unwrap();
    assert_eq!(with.encrypted(), 2);
}

#[test]
fn a_server_without_tls_is_refused_where_it_is_required() {
    let door = Door::open(false);
    let query = format!("?sslmode=require&sslrootcert={}", door.authority.display());
    let error = door.connect("localhost", &query).unwrap_err();
    assert!(matches!(&error, DbError::Unavailable(why) if why.contains("TLS")), "{error}");
}

#[test]
fn an_authority_that_cannot_be_read_is_named() {
    for query in ["?sslmode=verify-full&sslrootcert=/nowhere/root.pem", "?sslrootcert=/nowhere/root.pem"] {
        let error = Db::open(&format!("postgres://localhost/x{query}"), testing::options()).unwrap_err();
        assert!(
            matches!(&error, DbError::Open(why) if why.contains("sslrootcert") || why.contains("/nowhere")),
            "{error}"
        );
    }
}
