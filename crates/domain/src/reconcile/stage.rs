//! What a CRM's word for a stage probably means; people see the guess and change it.

use crate::deal::DealStatus;

/// Words that say that a deal is lost. They are looked for first: "not realised" also holds what a success is called.
const LOST: &[&str] = &[
    "lost",
    "lose",
    "unsuccess",
    "fail",
    "reject",
    "declin",
    "cancel",
    "junk",
    "disqualif",
    "not realised",
    "not realized",
    "apology",
    "не реализ",
    "провал",
    "отказ",
    "проигр",
    "некачеств",
];
/// Words that say that a deal is won.
const WON: &[&str] =
    &["won", "win", "success", "realised", "realized", "paid", "успе", "реализ", "выигр", "оплачен"];
/// The numbers that amoCRM and Kommo give the two closed stages of every pipeline.
const NUMBERS: [(&str, DealStatus); 2] = [("142", DealStatus::Won), ("143", DealStatus::Lost)];

/// What a word for a stage probably means.
pub fn guess_status(stage: &str) -> DealStatus {
    let stage = stage.trim().to_lowercase();
    if let Some((_, status)) = NUMBERS.iter().find(|(number, _)| *number == stage) {
        return *status;
    }
    // "Closed won" is not lost.
    let bare = stage.replace("close", "");
    let says = |words: &[&str]| words.iter().any(|word| bare.contains(word));
    match () {
        () if says(LOST) => DealStatus::Lost,
        () if says(WON) && !stage.contains("unpaid") => DealStatus::Won,
        () => DealStatus::Pending,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stages_of_well_known_systems() {
        use DealStatus::*;
        for (stage, status) in [
            ("Won", Won),
            ("closedwon", Won),
            ("Closed Lost", Lost),
            ("C1:LOSE", Lost),
            ("WON", Won),
            ("142", Won),
            ("143", Lost),
            ("1420", Pending),
            ("Успешно реализовано", Won),
            ("Закрыто и не реализовано", Lost),
            ("Сделка успешна", Won),
            ("Сделка провалена", Lost),
            ("Open", Pending),
            ("Contract sent", Pending),
            ("Unpaid invoice", Pending),
            ("", Pending),
        ] {
            assert_eq!(guess_status(stage), status, "{stage}");
        }
    }
}
