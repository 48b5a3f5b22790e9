//! Where in what a CRM sends stands what: by JSON Pointer (RFC 6901).

use domain::{
    deal::DealStatus,
    money::{Currency, Money},
};
use jiff::Timestamp as Moment;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a CRM's own word for a stage means here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Meaning {
    /// Still being negotiated.
    Pending,
    /// Closed successfully.
    Won,
    /// Closed unsuccessfully.
    Lost,
    /// Of no interest here.
    Ignore,
}

impl Meaning {
    /// Every meaning, with the word in the mapping.
    pub const ALL: [(&str, Meaning); 4] = [
        ("pending", Meaning::Pending),
        ("won", Meaning::Won),
        ("lost", Meaning::Lost),
        ("ignore", Meaning::Ignore),
    ];

    /// The status of a deal that it stands for.
    pub const fn status(self) -> Option<DealStatus> {
        match self {
            Meaning::Pending => Some(DealStatus::Pending),
            Meaning::Won => Some(DealStatus::Won),
            Meaning::Lost => Some(DealStatus::Lost),
            Meaning::Ignore => None,
        }
    }
}

/// The fields that a mapping has, in the order of the form: the name, what it is called, and what it is for.
pub const POINTERS: [(&str, &str, &str); 16] = [
    (
        "list",
        "List",
        "Where several pieces of news come at once; several places parted by blanks. Empty: one by one.",
    ),
    (
        "deal",
        "Deal, in the CRM",
        "What the CRM calls the deal. It is kept with our deal as its external identifier.",
    ),
    ("number", "Transaction number", "A field of the CRM that holds our number, such as T-2077."),
    (
        "client",
        "Client number",
        "A field of the CRM that holds our number, such as C-1042. Its only pending deal is meant.",
    ),
    ("stage", "Stage", "What the CRM calls where the deal stands."),
    ("amount", "Amount", "What the deal came to; needed for a deal that is won."),
    ("currency", "Currency", "If it is sent, it has to be the programme's."),
    ("reason", "Reason", "Why a deal was lost."),
    ("event", "Event", "What the CRM calls this piece of news: the same one twice is taken once."),
    (
        "order",
        "Time of the event",
        "A time or a number that grows: what is older than what is known comes too late.",
    ),
    ("name", "Client's name", "For deals that are not known here: a client is entered with the deal."),
    ("email", "Client's email", ""),
    ("phone", "Client's phone", ""),
    ("telegram", "Client's Telegram", ""),
    ("code", "Partner's code", "A field of the CRM that holds what your form received as ref."),
    ("title", "Title of the deal", ""),
];

/// Where what stands, and what the stages mean.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mapping {
    /// Pointers by the names in [`POINTERS`]; what is empty isn't sent.
    pub pointers: std::collections::BTreeMap<String, String>,
    /// The CRM's words for stages.
    pub stages: Vec<(String, Meaning)>,
}

/// What one piece of news says, as far as the mapping tells.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// What the CRM calls the deal.
    pub deal: String,
    /// Our number of the deal.
    pub number: String,
    /// Our number of the client.
    pub client: String,
    /// The CRM's word for the stage.
    pub stage: String,
    /// As it is written there.
    pub amount: String,
    /// As it is written there.
    pub currency: String,
    /// Why it was lost.
    pub reason: String,
    /// What the CRM calls the event.
    pub event: String,
    /// As it is written there.
    pub order: String,
    /// The client.
    pub name: String,
    /// The client's email address.
    pub email: String,
    /// The client's phone number.
    pub phone: String,
    /// The client's Telegram name.
    pub telegram: String,
    /// The partner's code.
    pub code: String,
    /// What the deal is about.
    pub title: String,
}

impl Mapping {
    /// One pointer; empty where there is none.
    pub fn pointer(&self, name: &str) -> &str {
        self.pointers.get(name).map_or("", String::as_str)
    }

    /// The pieces of news in what was sent.
    pub fn items(&self, sent: &Value) -> Vec<Value> {
        let lists: Vec<&str> = self.pointer("list").split_whitespace().collect();
        let found: Vec<Value> = lists
            .iter()
            .filter_map(|pointer| sent.pointer(if *pointer == "/" { "" } else { pointer }))
            .flat_map(|value| match value {
                Value::Array(items) => items.clone(),
                other => vec![other.clone()],
            })
            .collect();
        match sent {
            _ if !found.is_empty() => found,
            Value::Array(items) if lists.is_empty() && !items.is_empty() => items.clone(),
            _ => vec![sent.clone()],
        }
    }

    /// What a piece of news says under a name.
    pub fn value(&self, item: &Value, name: &str) -> String {
        let pointer = self.pointer(name);
        if pointer.is_empty() {
            return String::new();
        }
        match item.pointer(pointer) {
            Some(Value::String(text)) => text.trim().to_owned(),
            Some(Value::Number(number)) => exact(number),
            Some(Value::Bool(yes)) => yes.to_string(),
            _ => String::new(),
        }
    }

    /// Everything that a piece of news says.
    pub fn read(&self, item: &Value) -> News {
        let of = |name| self.value(item, name);
        News {
            deal: of("deal"),
            number: of("number"),
            client: of("client"),
            stage: of("stage"),
            amount: of("amount"),
            currency: of("currency"),
            reason: of("reason"),
            event: of("event"),
            order: of("order"),
            name: of("name"),
            email: of("email"),
            phone: of("phone"),
            telegram: of("telegram"),
            code: of("code"),
            title: of("title"),
        }
    }

    /// What a word for a stage means, if that is said.
    pub fn meaning(&self, stage: &str) -> Option<Meaning> {
        self.stages.iter().find(|(word, _)| word.eq_ignore_ascii_case(stage)).map(|(_, meaning)| *meaning)
    }

    /// The stages as lines of a form: `WON = won`.
    pub fn stage_lines(&self) -> String {
        let word =
            |meaning| Meaning::ALL.iter().find(|(_, known)| *known == meaning).map_or("", |(word, _)| word);
        let lines = self.stages.iter().map(|(stage, meaning)| format!("{stage} = {}", word(*meaning)));
        lines.collect::<Vec<_>>().join("\n")
    }
}

/// How many digits a number with decimals holds exactly once it was read.
const EXACT_DIGITS: usize = 15;

/// A number as it was sent. Where reading it may have changed it, that is seen: nobody takes it for an amount.
pub(in crate::ops) fn exact(number: &serde_json::Number) -> String {
    let text = number.to_string();
    let digits = text.chars().filter(char::is_ascii_digit).count();
    if number.is_f64() && digits > EXACT_DIGITS { format!("about {text}") } else { text }
}

/// Reads a pointer.
///
/// # Errors
/// A sentence that says what is wrong with it.
pub fn read_pointer(typed: &str) -> Result<String, &'static str> {
    let typed = typed.trim();
    if typed.len() > 300 {
        return Err("That is too long.");
    }
    if typed.split_whitespace().any(|pointer| !pointer.starts_with('/')) || typed.contains('\0') {
        return Err("Begin with a slash and name each step: /data/id. Numbers count in lists, from 0.");
    }
    Ok(typed.to_owned())
}

/// Reads the lines with the stages.
///
/// # Errors
/// A sentence that says which line is wrong.
pub fn read_stages(typed: &str) -> Result<Vec<(String, Meaning)>, String> {
    let mut stages: Vec<(String, Meaning)> = Vec::new();
    for (index, line) in typed.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let line_number = index + 1;
        let read = line.rsplit_once('=').and_then(|(stage, word)| {
            let word = word.trim().to_ascii_lowercase();
            let meaning = Meaning::ALL.iter().find(|(known, _)| *known == word)?.1;
            Some((stage.trim().to_owned(), meaning))
                .filter(|(stage, _)| !stage.is_empty() && stage.len() <= 200)
        });
        let Some((stage, meaning)) = read else {
            return Err(format!(
                "Line {line_number}: write the CRM's word, = and pending, won, lost or ignore."
            ));
        };
        if stages.iter().any(|(known, _)| known.eq_ignore_ascii_case(&stage)) {
            return Err(format!("Line {line_number}: {stage} stands there twice."));
        }
        stages.push((stage, meaning));
    }
    if stages.len() > 200 { Err("That is too many stages.".into()) } else { Ok(stages) }
}

impl News {
    /// The amount.
    ///
    /// # Errors
    /// A sentence that says what is wrong.
    pub fn money(&self, currency: Currency) -> Result<Money, String> {
        if !self.currency.is_empty() && !self.currency.eq_ignore_ascii_case(currency.code()) {
            let sent = &self.currency;
            return Err(format!("The amount is in {sent}, the programme counts in {}.", currency.code()));
        }
        if self.amount.is_empty() {
            return Err("A deal is won with an amount, and none was sent.".into());
        }
        // Bitrix24 writes "1000.00|USD" where amount and currency share a field.
        let amount = self.amount.split('|').next().unwrap_or_default();
        let money = currency.parse(amount).map_err(|error| format!("The amount \"{amount}\": {error}"))?;
        Ok(money)
    }

    /// Where the event stands in the order of events: microseconds of a time, or a number as it is. None where nothing is
    /// said, or nothing that can be read.
    pub fn order(&self) -> Option<i64> {
        if let Ok(number) = self.order.parse::<i64>() {
            return Some(number);
        }
        let moment: Moment = self.order.parse().ok()?;
        Some(moment.as_microsecond())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn mapping(pointers: &[(&str, &str)]) -> Mapping {
        let pointers = pointers.iter().map(|(name, pointer)| ((*name).into(), (*pointer).into()));
        Mapping {
            pointers: pointers.collect(),
            stages: read_stages("WON = won\nNew lead=pending\n\nC1:LOSE = Lost").unwrap(),
        }
    }

    #[test]
    fn pointers_lead_to_what_is_sent() {
        let map = mapping(&[
            ("deal", "/data/id"),
            ("stage", "/data/status"),
            ("amount", "/data/value"),
            ("name", "/none"),
        ]);
        let news = map.read(&json!({ "data": { "id": 12, "status": " won ", "value": 1000.5 } }));
        assert_eq!((news.deal.as_str(), news.stage.as_str(), news.amount.as_str()), ("12", "won", "1000.5"));
        assert_eq!(news.name, "");
        let long = map.read(&json!({ "data": { "value": 1234567890123.4567 } }));
        assert!(long.money(Currency::USD).unwrap_err().contains("about 1234567890123.45"));
        assert_eq!(map.meaning("won"), Some(Meaning::Won));
        assert_eq!(map.meaning("c1:lose"), Some(Meaning::Lost));
        assert_eq!(map.meaning("QUALIFIED"), None);
        assert_eq!(read_stages(&map.stage_lines()).unwrap(), map.stages);
    }

    #[test]
    fn several_pieces_of_news_come_in_lists() {
        let one = json!({ "id": 1 });
        let two = json!({ "id": 2 });
        assert_eq!(mapping(&[]).items(&json!([one, two])), [one.clone(), two.clone()]);
        assert_eq!(mapping(&[]).items(&one), std::slice::from_ref(&one));
        let map = mapping(&[("list", "/leads/add /leads/status")]);
        assert_eq!(map.items(&json!({ "leads": { "status": [one, two] } })), [one.clone(), two]);
        let other = json!({ "contacts": 1 });
        assert_eq!(map.items(&other), [other]);
    }

    #[test]
    fn amounts_are_exact_and_in_our_currency() {
        let usd = Currency::USD;
        let money = |amount: &str, currency: &str| {
            News { amount: amount.into(), currency: currency.into(), ..News::default() }.money(usd)
        };
        assert_eq!(money("1000.5", "usd"), Ok(Money::from_minor(100_050)));
        assert_eq!(money("1000.00|USD", ""), Ok(usd.major(1000)));
        for (amount, currency, said) in [
            ("5", "EUR", "in EUR"),
            ("", "", "none was sent"),
            ("1.005", "", "1.005"),
            ("1e3", "", "1e3"),
            ("-5", "", "-5"),
        ] {
            let error = money(amount, currency).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn events_are_in_order() {
        let order = |text: &str| News { order: text.into(), ..News::default() }.order();
        assert_eq!(order("1700000000"), Some(1_700_000_000));
        assert!(order("2026-11-27T10:00:01Z") > order("2026-11-27T12:00:00+02:00"));
        assert_eq!((order(""), order("yesterday")), (None, None));
    }

    #[test]
    fn what_is_typed_wrongly_is_told() {
        assert_eq!(read_pointer(" /a/0/b ").unwrap(), "/a/0/b");
        assert!(read_pointer("a.b").is_err() && read_pointer("/a b").is_err());
        for (typed, said) in [
            ("WON won", "Line 1"),
            ("A = won\nB = maybe", "Line 2"),
            ("A=won\na = lost", "twice"),
            ("= won", "Line 1"),
        ] {
            assert!(read_stages(typed).unwrap_err().contains(said), "{typed}");
        }
    }
}
