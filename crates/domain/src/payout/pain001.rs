//! ISO 20022 `pain.001.001.09`, customer credit transfer initiation: the file with which banks are told to pay.
//!
//! Euro to accounts in the SEPA countries is a SEPA credit transfer (service level `SEPA`, charges `SLEV`). Any other
//! currency or country is a plain credit transfer (charges shared), which banks take by their own rules.

use super::{sepa_text::sepa_text, xml::Xml};
use crate::clock::Timestamp;
use crate::money::{Currency, Money};

/// Countries whose IBANs can be paid to by SEPA credit transfer (EPC409-09), by the IBAN's first two letters. Faroe
/// Islands, Greenland and Kosovo have IBANs, but no part in SEPA.
const SEPA_COUNTRIES: [&str; 42] = [
    "AD", "AL", "AT", "BE", "BG", "CH", "CY", "CZ", "DE", "DK", "EE", "ES", "FI", "FR", "GB", "GI", "GR",
    "HR", "HU", "IE", "IS", "IT", "LI", "LT", "LU", "LV", "MC", "MD", "ME", "MK", "MT", "NL", "NO", "PL",
    "PT", "RO", "RS", "SE", "SI", "SK", "SM", "VA",
];

/// Who pays.
#[derive(Debug, Clone, Copy)]
pub struct Payer<'a> {
    /// The holder of the account.
    pub name: &'a str,
    /// The account.
    pub iban: &'a str,
    /// The bank, or empty.
    pub bic: &'a str,
}

/// One payment.
#[derive(Debug, Clone, Copy)]
pub struct Transfer<'a> {
    /// The identifier that travels with the payment.
    pub end_to_end_id: &'a str,
    /// How much.
    pub amount: Money,
    /// Who is paid.
    pub name: &'a str,
    /// The account that is paid to.
    pub iban: &'a str,
    /// What the payment is for, for the person who gets it.
    pub purpose: &'a str,
}

/// A payment file.
#[derive(Debug, Clone, Copy)]
pub struct PaymentFile<'a> {
    /// The identifier of the file: a bank takes each once.
    pub message_id: &'a str,
    /// When the file is made, and the day on which it is to be carried out.
    pub now: Timestamp,
    /// The currency of every amount.
    pub currency: Currency,
    /// Who pays.
    pub payer: Payer<'a>,
    /// What is paid.
    pub transfers: &'a [Transfer<'a>],
}

/// Why there is no payment file, in words for finance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoFile {
    /// The settings don't say who pays.
    #[error(
        "The payment file needs the account that pays: an admin enters its holder and IBAN in Settings, under “The account you pay from”."
    )]
    NoPayer,
    /// No wallet is a bank account.
    #[error(
        "None of these withdrawals goes to a bank account by IBAN, so there is no payment file for a bank."
    )]
    NoTransfer,
}

/// How banks carry a payment out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Profile {
    Sepa,
    Plain,
}

/// Whether a payment can be a SEPA credit transfer.
pub fn is_sepa(currency: Currency, payer_iban: &str, iban: &str) -> bool {
    let reaches = |iban: &str| iban.get(..2).is_some_and(|country| SEPA_COUNTRIES.contains(&country));
    currency.code() == "EUR" && reaches(payer_iban) && reaches(iban)
}

impl PaymentFile<'_> {
    /// The file's text.
    ///
    /// # Errors
    /// [`NoFile`], whose text can be shown to finance.
    pub fn write(&self) -> Result<String, NoFile> {
        if sepa_text(self.payer.name, 70).is_empty() || self.payer.iban.is_empty() {
            return Err(NoFile::NoPayer);
        }
        if self.transfers.is_empty() {
            return Err(NoFile::NoTransfer);
        }
        let mut xml = Xml::new();
        let namespace = " xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\"";
        xml.element_with("Document", namespace, |xml| {
            xml.element("CstmrCdtTrfInitn", |xml| {
                xml.element("GrpHdr", |xml| {
                    xml.text("MsgId", self.message_id);
                    xml.text("CreDtTm", &self.now.rfc3339());
                    self.totals(xml, self.transfers.iter());
                    xml.element("InitgPty", |xml| xml.text("Nm", &sepa_text(self.payer.name, 70)));
                });
                for profile in [Profile::Sepa, Profile::Plain] {
                    let fits = |transfer: &&Transfer<'_>| {
                        is_sepa(self.currency, self.payer.iban, transfer.iban) == (profile == Profile::Sepa)
                    };
                    let of: Vec<&Transfer<'_>> = self.transfers.iter().filter(fits).collect();
                    if !of.is_empty() {
                        xml.element("PmtInf", |xml| self.payments(xml, profile, &of));
                    }
                }
            });
        });
        Ok(xml.finish())
    }

    fn totals<'t>(&self, xml: &mut Xml, transfers: impl Iterator<Item = &'t Transfer<'t>> + Clone) {
        let sum = transfers.clone().fold(Money::ZERO, |sum, transfer| sum + transfer.amount);
        xml.text("NbOfTxs", &transfers.count().to_string());
        xml.text("CtrlSum", &self.currency.format_plain(sum));
    }

    fn payments(&self, xml: &mut Xml, profile: Profile, transfers: &[&Transfer<'_>]) {
        // One letter after the file's own: at most 35 characters.
        let letter = if profile == Profile::Sepa { 'S' } else { 'P' };
        let start: String = self.message_id.chars().take(34).collect();
        xml.text("PmtInfId", &format!("{start}{letter}"));
        xml.text("PmtMtd", "TRF");
        self.totals(xml, transfers.iter().copied());
        if profile == Profile::Sepa {
            xml.element("PmtTpInf", |xml| xml.element("SvcLvl", |xml| xml.text("Cd", "SEPA")));
        }
        xml.element("ReqdExctnDt", |xml| xml.text("Dt", &self.now.day().iso()));
        xml.element("Dbtr", |xml| xml.text("Nm", &sepa_text(self.payer.name, 70)));
        xml.element("DbtrAcct", |xml| xml.element("Id", |xml| xml.text("IBAN", self.payer.iban)));
        xml.element("DbtrAgt", |xml| {
            xml.element("FinInstnId", |xml| {
                if self.payer.bic.is_empty() {
                    xml.element("Othr", |xml| xml.text("Id", "NOTPROVIDED"));
                } else {
                    xml.text("BICFI", self.payer.bic);
                }
            });
        });
        xml.text("ChrgBr", if profile == Profile::Sepa { "SLEV" } else { "SHAR" });
        for transfer in transfers {
            xml.element("CdtTrfTxInf", |xml| {
                xml.element("PmtId", |xml| xml.text("EndToEndId", transfer.end_to_end_id));
                xml.element("Amt", |xml| {
                    let currency = format!(" Ccy=\"{}\"", self.currency.code());
                    xml.text_with("InstdAmt", &currency, &self.currency.format_plain(transfer.amount));
                });
                let name = sepa_text(transfer.name, 70);
                let name = if name.is_empty() { "NOTPROVIDED".to_owned() } else { name };
                xml.element("Cdtr", |xml| xml.text("Nm", &name));
                xml.element("CdtrAcct", |xml| xml.element("Id", |xml| xml.text("IBAN", transfer.iban)));
                let purpose = sepa_text(transfer.purpose, 140);
                if !purpose.is_empty() {
                    xml.element("RmtInf", |xml| xml.text("Ustrd", &purpose));
                }
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_micros(1_795_421_400_000_000);

    fn file(currency: Currency, bic: &str, ibans: &[&str]) -> Result<String, NoFile> {
        let transfers: Vec<Transfer<'_>> = ibans
            .iter()
            .map(|iban| Transfer {
                end_to_end_id: "GW0193",
                amount: Money::from_minor(123_450),
                name: "Jürgen <Groß> & Co",
                iban,
                purpose: "Northwind Partners GW0193",
            })
            .collect();
        let payer = Payer { name: "Northwind GmbH", iban: "DE89370400440532013000", bic };
        PaymentFile { message_id: "GB0193", now: NOW, currency, payer, transfers: &transfers }.write()
    }

    /// The names of the elements in the order in which they open, and the text of each that has one.
    fn elements(xml: &str) -> Vec<(String, String)> {
        xml.lines()
            .skip(1)
            .map(str::trim)
            .filter(|line| !line.starts_with("</"))
            .map(|line| {
                let (tag, rest) = line.strip_prefix('<').unwrap().split_once('>').unwrap();
                let name = tag.split(' ').next().unwrap();
                let text = rest.split_once("</").map_or("", |(text, _)| text);
                (name.to_owned(), text.to_owned())
            })
            .collect()
    }

    /// The order is that of the schema's sequences: GroupHeader85, PaymentInstruction30,
    /// CreditTransferTransaction34.
    #[test]
    fn a_sepa_file_has_the_elements_of_the_schema_in_its_order() {
        let euro = Currency::from_code("EUR").unwrap();
        let xml =
            file(euro, "COBADEFFXXX", &["FR1420041010050500013M02606", "DE89370400440532013000"]).unwrap();
        let transaction: &[(&str, &str)] = &[
            ("CdtTrfTxInf", ""),
            ("PmtId", ""),
            ("EndToEndId", "GW0193"),
            ("Amt", ""),
            ("InstdAmt", "1234.50"),
            ("Cdtr", ""),
            ("Nm", "Juergen .Gross. + Co"),
            ("CdtrAcct", ""),
            ("Id", ""),
        ];
        let remittance: &[(&str, &str)] = &[("RmtInf", ""), ("Ustrd", "Northwind Partners GW0193")];
        let expected: Vec<(&str, &str)> = [
            &[
                ("Document", ""),
                ("CstmrCdtTrfInitn", ""),
                ("GrpHdr", ""),
                ("MsgId", "GB0193"),
                ("CreDtTm", "2026-11-23T08:10:00Z"),
                ("NbOfTxs", "2"),
                ("CtrlSum", "2469.00"),
                ("InitgPty", ""),
                ("Nm", "Northwind GmbH"),
                ("PmtInf", ""),
                ("PmtInfId", "GB0193S"),
                ("PmtMtd", "TRF"),
                ("NbOfTxs", "2"),
                ("CtrlSum", "2469.00"),
                ("PmtTpInf", ""),
                ("SvcLvl", ""),
                ("Cd", "SEPA"),
                ("ReqdExctnDt", ""),
                ("Dt", "2026-11-23"),
                ("Dbtr", ""),
                ("Nm", "Northwind GmbH"),
                ("DbtrAcct", ""),
                ("Id", ""),
                ("IBAN", "DE89370400440532013000"),
                ("DbtrAgt", ""),
                ("FinInstnId", ""),
                ("BICFI", "COBADEFFXXX"),
                ("ChrgBr", "SLEV"),
            ],
            transaction,
            &[("IBAN", "FR1420041010050500013M02606")],
            remittance,
            transaction,
            &[("IBAN", "DE89370400440532013000")],
            remittance,
        ]
        .concat();
        let found = elements(&xml);
        let found: Vec<(&str, &str)> =
            found.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert_eq!(found, expected);
        assert!(xml.contains("<InstdAmt Ccy=\"EUR\">"));
        assert!(xml.contains("xmlns=\"urn:iso:std:iso:20022:tech:xsd:pain.001.001.09\""));
    }

    #[test]
    fn other_currencies_and_countries_are_no_sepa_transfers() {
        let dollars = file(Currency::USD, "", &["DE89370400440532013000"]).unwrap();
        assert!(!dollars.contains("SEPA") && dollars.contains("<ChrgBr>SHAR</ChrgBr>"));
        assert!(
            dollars.contains("<InstdAmt Ccy=\"USD\">1234.50") && dollars.contains("<Id>NOTPROVIDED</Id>")
        );
        let euro = Currency::from_code("EUR").unwrap();
        let both = file(euro, "", &["AE070331234567890123456", "DE89370400440532013000"]).unwrap();
        let informations: Vec<&str> = both.lines().filter(|line| line.contains("<PmtInfId>")).collect();
        assert_eq!(informations.len(), 2, "{both}");
        assert_eq!(both.matches("<NbOfTxs>1<").count(), 2);
        assert_eq!(both.matches("<NbOfTxs>2<").count(), 1);
        // An IBAN of one's own, in euro even, and yet not reached by SEPA.
        for iban in ["FO6264600001631634", "GL8964710001000206", "XK051212012345678906"] {
            assert!(!is_sepa(euro, "DE89370400440532013000", iban), "{iban}");
        }
    }

    #[test]
    fn what_is_missing_is_said() {
        assert_eq!(file(Currency::USD, "", &[]), Err(NoFile::NoTransfer));
        let payer = Payer { name: " ", iban: "DE89370400440532013000", bic: "" };
        let file = PaymentFile { message_id: "m", now: NOW, currency: Currency::USD, payer, transfers: &[] };
        assert_eq!(file.write(), Err(NoFile::NoPayer));
    }
}
