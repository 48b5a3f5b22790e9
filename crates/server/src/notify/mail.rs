//! Handing mail in by SMTP.

use std::{
    sync::{Mutex, OnceLock, PoisonError},
    time::{Duration, SystemTime},
};

use domain::notice::Choice;
use lettre::{
    Address, Message,
    message::{Mailbox, MultiPart},
    transport::smtp::{
        Error as SmtpError,
        authentication::{Credentials, Mechanism},
        client::{AsyncSmtpConnection, TlsParameters},
        extension::ClientId,
    },
};
use store::{DbError, outbox};
use tokio::time::Instant;
use url::{Host, Url};

use super::delivery::Outcome;
use crate::{
    app::App,
    config::{Encryption, Smtp},
    web::paths,
};

/// How long a connection that nobody uses is kept: below what mail servers wait for a word before they hang up.
const IDLE: Duration = Duration::from_secs(20);

/// How many connections that nobody uses are kept.
const KEPT: usize = 4;

/// The way to the mail server.
///
/// It keeps connections of its own instead of using lettre's pool: that one takes a connection back whose command was
/// given up half-way, and would hand the late answer to the next message, which would pass for sent.
pub struct Mailer {
    smtp: Smtp,
    from: Mailbox,
    /// What this server calls itself.
    hello: ClientId,
    /// Made with the first connection that needs it: reading the system's certificates takes a while.
    tls: OnceLock<TlsParameters>,
    idle: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl Mailer {
    /// Puts the way together; nothing is connected yet.
    pub fn new(smtp: &Smtp, from: Mailbox) -> Mailer {
        Mailer {
            smtp: smtp.clone(),
            from,
            hello: ClientId::default(),
            tls: OnceLock::new(),
            idle: Mutex::default(),
        }
    }

    fn tls(&self) -> Result<TlsParameters, SmtpError> {
        if let Some(tls) = self.tls.get() {
            return Ok(tls.clone());
        }
        let made = TlsParameters::new(self.smtp.host.clone())?;
        Ok(self.tls.get_or_init(|| made).clone())
    }

    /// A connection on which a message can be sent.
    async fn connection(&self) -> Result<AsyncSmtpConnection, SmtpError> {
        while let Some((mut connection, since)) = self.pop() {
            if since.elapsed() < IDLE && connection.test_connected().await {
                return Ok(connection);
            }
        }
        let wrapped = match self.smtp.encryption {
            Encryption::FromTheStart => Some(self.tls()?),
            _ => None,
        };
        let mut connection = AsyncSmtpConnection::connect_tokio1(
            (self.smtp.host.trim_matches(['[', ']']), self.smtp.port),
            None,
            &self.hello,
            wrapped,
            None,
        )
        .await?;
        let starttls = match self.smtp.encryption {
            // Answers with an error where the server doesn't offer it.
            Encryption::Required => true,
            Encryption::WhereOffered => connection.can_starttls(),
            Encryption::FromTheStart | Encryption::None => false,
        };
        if starttls {
            connection.starttls(self.tls()?, &self.hello).await?;
        }
        if let Some((user, password)) = &self.smtp.credentials {
            let credentials = Credentials::new(user.clone(), password.clone());
            connection.auth(&[Mechanism::Plain, Mechanism::Login], &credentials).await?;
        }
        Ok(connection)
    }

    fn pop(&self) -> Option<(AsyncSmtpConnection, Instant)> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop()
    }

    /// Keeps a connection for the next message.
    fn keep(&self, connection: AsyncSmtpConnection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain(|(_, since)| since.elapsed() < IDLE);
        if idle.len() < KEPT {
            idle.push((connection, Instant::now()));
        }
    }

    /// Hands a message in. Whatever fails, or is given up, takes its connection with it.
    async fn hand_in(&self, message: &Message) -> Result<(), Failure> {
        let mut connection = self.connection().await.map_err(Failure::Before)?;
        connection.send(message.envelope(), &message.formatted()).await.map_err(Failure::With)?;
        self.keep(connection);
        Ok(())
    }
}

/// Where a try has failed.
enum Failure {
    /// Before the message came into it: whatever is wrong is not the message.
    Before(SmtpError),
    /// With the message.
    With(SmtpError),
}

/// One try to hand in a message.
pub async fn deliver(app: &App, message: &outbox::Message) -> Outcome {
    let Some(mailer) = &app.mailer else {
        return Outcome::Failed { why: "Mail is not set up.".into(), retry_after: None };
    };
    let support = &app.programme().support_email;
    let (account_id, address) = (message.account_id.clone(), message.address.clone());
    // Asked again now: the account may have another address by the time a message is sent.
    let may_name = app.read(move |tx, _| super::may_name(tx, account_id.as_deref(), &address)).await;
    let may_name = may_name.unwrap_or_else(|error: DbError| {
        tracing::warn!(%error, "a mail goes without its reader's name");
        false
    });
    let name = if may_name { message.recipient.as_str() } else { "" };
    let letter = match build(message, name, &mailer.from, support, &app.public_url) {
        Ok(letter) => letter,
        Err(error) => return Outcome::Refused { why: format!("This can't be written as a mail: {error}.") },
    };
    let patience = mailer.smtp.patience;
    match tokio::time::timeout(patience, mailer.hand_in(&letter)).await {
        Ok(Ok(())) => Outcome::Sent,
        Ok(Err(failure)) => outcome(&failure),
        Err(_) => Outcome::Failed {
            why: format!("The mail server did not answer within {} seconds.", patience.as_secs()),
            retry_after: None,
        },
    }
}

/// What a failure means for the message.
fn outcome(failure: &Failure) -> Outcome {
    let (error, theirs) = match failure {
        Failure::Before(error) => (error, false),
        Failure::With(error) => (error, true),
    };
    let said = match (error.status(), std::error::Error::source(error)) {
        (Some(code), Some(text)) => format!("{code} {text}"),
        (Some(code), None) => code.to_string(),
        (None, _) => error.to_string(),
    };
    // What the other side says is shown in the office: one line, no more than anybody reads.
    let said: String = said.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect();
    if theirs && (error.is_permanent() || error.is_client()) {
        return Outcome::Refused { why: format!("The mail server refuses it: {said}") };
    }
    let why = match (theirs, error.status()) {
        (true, Some(_)) => format!("The mail server doesn't take it now: {said}"),
        (false, Some(_)) => format!("The mail server refuses the connection: {said}"),
        (_, None) => format!("The connection to the mail server failed: {said}"),
    };
    Outcome::Failed { why, retry_after: None }
}

/// The message as it travels: text and HTML beside each other.
fn build(
    message: &outbox::Message,
    name: &str,
    from: &Mailbox,
    support: &str,
    public_url: &str,
) -> anyhow::Result<Message> {
    // A control character has no place in a header, and lettre panics at one in a name.
    let line = |text: &str| text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect::<String>();
    let name = Some(line(name)).filter(|name| !name.trim().is_empty());
    let to = Mailbox::new(name, message.address.parse::<Address>()?);
    let created = u64::try_from(message.created_at.micros()).unwrap_or(0);
    let mut builder = Message::builder()
        .from(from.clone())
        .to(to)
        .subject(line(&message.subject))
        .date(SystemTime::UNIX_EPOCH + Duration::from_micros(created))
        .message_id(Some(message_id(&message.id, public_url)))
        .header(AutoSubmitted);
    if let Ok(support) = support.parse::<Address>() {
        builder = builder.reply_to(Mailbox::new(None, support));
    }
    if message.notice.choice() == Choice::Free {
        builder = builder.header(ListUnsubscribe(format!("<{public_url}{}>", paths::ACCOUNT_NOTICES)));
    }
    let body = message.body.clone();
    Ok(if message.html.is_empty() {
        builder.singlepart(lettre::message::SinglePart::plain(body))?
    } else {
        builder.multipart(MultiPart::alternative_plain_html(body, message.html.clone()))?
    })
}

/// The same for every try of a message, so that whoever gets it twice can tell (RFC 5322, section 3.6.4).
pub fn message_id(id: &str, public_url: &str) -> String {
    let host = match Url::parse(public_url).ok().and_then(|url| url.host().map(|host| host.to_owned())) {
        Some(Host::Domain(name)) => name,
        Some(Host::Ipv4(address)) => format!("[{address}]"),
        Some(Host::Ipv6(address)) => format!("[IPv6:{address}]"),
        None => "goodword.invalid".into(),
    };
    format!("<{id}@{host}>")
}

/// Tells programs that answer mail by themselves not to (RFC 3834, section 5).
#[derive(Clone)]
struct AutoSubmitted;

impl lettre::message::header::Header for AutoSubmitted {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<AutoSubmitted, Box<dyn std::error::Error + Send + Sync>> {
        Ok(AutoSubmitted)
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), "auto-generated".into())
    }
}

/// Tells mail programs where a notice can be switched off that the person may switch off (RFC 2369, section 3.2).
#[derive(Clone)]
struct ListUnsubscribe(String);

impl lettre::message::header::Header for ListUnsubscribe {
    fn name() -> lettre::message::header::HeaderName {
        lettre::message::header::HeaderName::new_from_ascii_str("List-Unsubscribe")
    }

    fn parse(value: &str) -> Result<ListUnsubscribe, Box<dyn std::error::Error + Send + Sync>> {
        Ok(ListUnsubscribe(value.to_owned()))
    }

    fn display(&self) -> lettre::message::header::HeaderValue {
        lettre::message::header::HeaderValue::new(Self::name(), self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{
        clock::Timestamp,
        notice::{Channel, NoticeKind},
    };
    use store::outbox::Status;

    fn message() -> outbox::Message {
        let at = Timestamp::from_micros(1_795_421_400_000_000);
        outbox::Message {
            id: "01935f7e-2b1c-7c11-9a52-1d3f5a6b7c8d".into(),
            channel: Channel::Mail,
            notice: NoticeKind::DealWon,
            account_id: None,
            recipient: "Jörg \"Jo\" Ünal, Ltd".into(),
            address: "jo@example.com".into(),
            subject: "Sie haben 12 € verdient ✓".into(),
            body: "Grüße\n".into(),
            html: "<p>Grüße</p>".into(),
            secret: false,
            status: Status::Waiting,
            attempts: 1,
            created_at: at,
            next_at: at,
            done_at: None,
            last_error: String::new(),
        }
    }

    fn text(message: &outbox::Message, support: &str) -> String {
        let from = "Partners <partners@example.com>".parse().unwrap();
        let built =
            build(message, &message.recipient, &from, support, "https://partners.example.com").unwrap();
        String::from_utf8(built.formatted()).unwrap()
    }

    #[test]
    fn a_mail_has_its_headers_and_is_ascii() {
        let text = text(&message(), "help@example.com");
        for line in [
            "From: Partners <partners@example.com>\r\n",
            "Message-ID: <01935f7e-2b1c-7c11-9a52-1d3f5a6b7c8d@partners.example.com>\r\n",
            "Date: Mon, 23 Nov 2026 08:10:00 +0000\r\n",
            "Auto-Submitted: auto-generated\r\n",
            "Reply-To: help@example.com\r\n",
            "Content-Type: multipart/alternative;",
            "Content-Type: text/plain; charset=utf-8\r\n",
            "Content-Type: text/html; charset=utf-8\r\n",
        ] {
            assert!(text.contains(line), "{line} is missing in {text}");
        }
        assert!(text.is_ascii(), "{text}");
        let unsubscribe = "List-Unsubscribe: <https://partners.example.com/account/notices>\r\n";
        assert!(text.contains(unsubscribe), "a free notice can be switched off: {text}");
        assert_eq!(text.matches("jo@example.com").count(), 1, "{text}");
    }

    #[test]
    fn what_always_comes_offers_no_way_to_stop_it() {
        for notice in [NoticeKind::Recovery, NoticeKind::WithdrawalPaid, NoticeKind::OfficeDue] {
            let text = text(&outbox::Message { notice, ..message() }, "");
            assert!(!text.contains("List-Unsubscribe"), "{notice:?}: {text}");
        }
    }

    #[test]
    fn nothing_in_a_message_makes_a_header() {
        let evil = outbox::Message {
            recipient: "Mara\r\nBcc: victim@example.com".into(),
            subject: "Hello\r\nBcc: victim@example.com\r\n\r\nbody".into(),
            ..message()
        };
        let text = text(&evil, "");
        assert!(!text.lines().any(|line| line.starts_with("Bcc:")), "{text}");
        assert!(!text.contains("Reply-To"), "{text}");
        let nowhere =
            outbox::Message { address: "a@example.com>\r\nRCPT TO:<b@example.com".into(), ..message() };
        assert!(build(&nowhere, "", &"a@b.example".parse().unwrap(), "", "http://x.example").is_err());
    }

    #[test]
    fn identifiers_have_a_domain_whatever_the_address_is() {
        for (url, id) in [
            ("https://partners.example.com", "<1@partners.example.com>"),
            ("http://127.0.0.1:8080", "<1@[127.0.0.1]>"),
            ("http://[::1]:8080", "<1@[IPv6:::1]>"),
        ] {
            assert_eq!(message_id("1", url), id);
        }
    }
}
