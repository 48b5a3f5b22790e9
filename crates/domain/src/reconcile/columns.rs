//! Which column of a CRM's list says what, guessed by its header; people see the guess and change it.

/// Something that a list of deals can say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// What the CRM calls the deal.
    Deal,
    /// Where the deal stands.
    Stage,
    /// What it came to.
    Amount,
    /// The currency of the amount.
    Currency,
    /// Our number of the deal.
    Number,
    /// Our number of the client.
    Client,
    /// What the deal is about.
    Title,
    /// The client's name.
    Name,
    /// The client's email address.
    Email,
    /// The client's phone number.
    Phone,
    /// The partner's code.
    Code,
    /// Why the deal was lost.
    Reason,
}

/// Every field with what it is called and what it is for, in the order of the form.
pub const FIELDS: [(Field, &str, &str); 12] = [
    (
        Field::Deal,
        "Deal, in the CRM",
        "The CRM's identifier of the deal. It is compared with our deal's external identifier.",
    ),
    (Field::Stage, "Stage or status", "Where the deal stands."),
    (Field::Amount, "Amount", "What the deal came to; needed for deals that are won."),
    (Field::Currency, "Currency", "Lines in another currency than the programme's are told, not compared."),
    (Field::Number, "Transaction number", "A field of the CRM that holds our number, such as T-2077."),
    (Field::Client, "Client number", "A field of the CRM that holds our number, such as C-1042."),
    (Field::Title, "Title of the deal", "For deals that are entered here."),
    (Field::Name, "Client's name", "For deals that are entered here."),
    (Field::Email, "Client's email", "It also finds the client of a deal that neither side has numbered."),
    (Field::Phone, "Client's phone", "For deals that are entered here."),
    (Field::Code, "Partner's code", "A field of the CRM that holds what your form received as ref."),
    (Field::Reason, "Reason", "Why a deal was lost."),
];

impl Field {
    /// The word in forms and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Field::Deal => "deal",
            Field::Stage => "stage",
            Field::Amount => "amount",
            Field::Currency => "currency",
            Field::Number => "number",
            Field::Client => "client",
            Field::Title => "title",
            Field::Name => "name",
            Field::Email => "email",
            Field::Phone => "phone",
            Field::Code => "code",
            Field::Reason => "reason",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Field> {
        FIELDS.iter().map(|(field, ..)| *field).find(|field| field.as_str() == word)
    }

    /// What columns with it are called, likeliest first, as [`key`] writes them.
    const fn called(self) -> &'static [&'static str] {
        match self {
            Field::Deal => &[
                "deal id",
                "record id",
                "lead id",
                "opportunity id",
                "external id",
                "id",
                "id сделки",
                "deal number",
            ],
            // Pipedrive has both: its status says won, its stages only how far talks are.
            Field::Stage => &[
                "deal status",
                "status",
                "deal stage",
                "lead stage",
                "stage",
                "pipeline stage",
                "lead status",
                "этап сделки",
                "стадия сделки",
                "properties dealstage",
                "stage id",
                "status id",
                "стадия",
                "этап",
                "статус",
            ],
            Field::Amount => &[
                "deal value",
                "value",
                "deal amount",
                "amount",
                "sale value",
                "sale",
                "budget",
                "lead budget",
                "price",
                "total",
                "total amount",
                "income",
                "сумма",
                "бюджет",
                "бюджет сделки",
                "properties amount",
                "opportunity",
            ],
            Field::Currency => &[
                "deal currency",
                "currency",
                "deal currency of value",
                "currency of value",
                "currency code",
                "валюта",
                "properties deal currency code",
                "currency id",
            ],
            Field::Number => &[
                "transaction number",
                "transaction",
                "goodword transaction",
                "goodword deal",
                "номер транзакции",
            ],
            Field::Client => &["client number", "goodword client", "номер клиента"],
            Field::Title => &[
                "deal title",
                "deal name",
                "title",
                "lead title",
                "lead name",
                "название сделки",
                "название",
                "properties dealname",
            ],
            Field::Name => &[
                "deal contact person",
                "contact person",
                "person name",
                "client",
                "client name",
                "contact",
                "contact name",
                "full name",
                "main contact",
                "associated contact",
                "name",
                "контакт",
                "основной контакт",
                "клиент",
                "person id name",
            ],
            Field::Email => &[
                "person email",
                "email",
                "e mail",
                "email address",
                "contact email",
                "work email",
                "person email work",
                "рабочий email",
                "электронная почта",
                "person id email 0 value",
            ],
            Field::Phone => &[
                "person phone",
                "phone",
                "phone number",
                "contact phone",
                "work phone",
                "person phone work",
                "рабочий телефон",
                "телефон",
                "person id phone 0 value",
            ],
            Field::Code => &[
                "partner code",
                "referral code",
                "ref",
                "ref code",
                "goodword code",
                "goodword",
                "partner",
                "код партнёра",
                "код партнера",
            ],
            Field::Reason => &[
                "deal lost reason",
                "lost reason",
                "closed lost reason",
                "loss reason",
                "reason",
                "причина отказа",
                "причина",
            ],
        }
    }
}

/// A header without what doesn't tell: case, signs, blanks twice.
fn key(header: &str) -> String {
    let letters = header.trim_start_matches('\u{feff}').to_lowercase();
    let words: Vec<&str> =
        letters.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join(" ")
}

/// The headers as people read them: what has none is called by its place.
pub fn headers(cells: &[String]) -> Vec<String> {
    let named = |(index, cell): (usize, &String)| match cell.trim_start_matches('\u{feff}').trim() {
        "" => format!("Column {}", index + 1),
        text => text.to_owned(),
    };
    cells.iter().enumerate().map(named).collect()
}

/// Which column says each field, as far as the headers tell. No column says two of them.
pub fn guess(headers: &[String]) -> Vec<(Field, usize)> {
    let keys: Vec<String> = headers.iter().map(|header| key(header)).collect();
    let mut guessed: Vec<(Field, usize)> = Vec::new();
    for (field, ..) in FIELDS {
        let free = |index: &usize| !guessed.iter().any(|(_, taken)| taken == index);
        let find = |called: &&str| keys.iter().position(|key| key == called).filter(free);
        if let Some(index) = field.called().iter().find_map(|called| find(called)) {
            guessed.push((field, index));
        }
    }
    guessed
}

#[cfg(test)]
mod tests {
    use super::*;

    fn guessed(line: &str) -> Vec<(&'static str, usize)> {
        let cells: Vec<String> = line.split(',').map(str::to_owned).collect();
        guess(&headers(&cells)).into_iter().map(|(field, index)| (field.as_str(), index)).collect()
    }

    #[test]
    fn headers_of_well_known_lists_are_understood() {
        let pipedrive = "Deal - ID,Deal - Title,Deal - Status,Deal - Stage,Deal - Value,Deal - Currency,Person - Name,Person - Email";
        assert_eq!(
            guessed(pipedrive),
            [
                ("deal", 0),
                ("stage", 2),
                ("amount", 4),
                ("currency", 5),
                ("title", 1),
                ("name", 6),
                ("email", 7)
            ]
        );
        let hubspot = "\u{feff}Record ID,Deal Name,Deal Stage,Amount,Associated Contact,Partner code";
        assert_eq!(
            guessed(hubspot),
            [("deal", 0), ("stage", 2), ("amount", 3), ("title", 1), ("name", 4), ("code", 5)]
        );
        assert_eq!(
            guessed("ID,Название сделки,Этап сделки,Бюджет,Основной контакт,Рабочий телефон"),
            [("deal", 0), ("stage", 2), ("amount", 3), ("title", 1), ("name", 4), ("phone", 5)]
        );
        assert_eq!(guessed("what,ever"), []);
    }

    #[test]
    fn a_column_says_one_thing_and_what_has_no_name_is_called_by_its_place() {
        let cells: Vec<String> = ["Deal ID", "", "ID", " deal id "].map(str::to_owned).to_vec();
        assert_eq!(headers(&cells), ["Deal ID", "Column 2", "ID", "deal id"]);
        assert_eq!(guess(&headers(&cells)), [(Field::Deal, 0)]);
        for (field, ..) in FIELDS {
            assert_eq!(Field::from_word(field.as_str()), Some(field));
            assert!(field.called().iter().all(|called| key(called) == *called), "{field:?}");
        }
    }
}
