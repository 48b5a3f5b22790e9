//! Lists and searches that have to stay fast: page after page they give the same rows in the same order as a whole list
//! would, whatever they are sorted by and narrowed to.

use domain::{
    clock::Timestamp,
    deal::DealStatus,
    ledger::{Account, Phase, Subject, Transfer, TransferCode},
    money::{Currency, Money},
};
use store::{
    Db, DbError, Tx, both_databases,
    clients::{self, ClientFilter, NewClient},
    deals::{self, PartnerDeals, Sort},
    ledger::{self, Lines},
    matching, params,
};

use crate::{read, write};

const NOW: Timestamp = Timestamp::from_micros(1_795_421_400_000_000);

/// Makes a partner without what a person needs to sign in.
fn partner(tx: &mut Tx<'_>, id: &str, code: &str) -> Result<(), DbError> {
    tx.exec(
        "INSERT INTO account (id, kind, name, email, email_key, created_at) VALUES ($1, 'partner', $1, $1, $1, 0)",
        params![id],
    )?;
    tx.exec("INSERT INTO partner (id, code, search) VALUES ($1, $2, $1)", params![id, code])?;
    Ok(())
}

fn client(tx: &mut Tx<'_>, name: &str, email: &str, partner: Option<&str>) -> Result<i64, DbError> {
    let new = NewClient {
        name: name.into(),
        email: email.into(),
        phone: "+44 20 7946 0123".into(),
        partner_id: partner.map(str::to_owned),
        ..NewClient::default()
    };
    Ok(clients::insert(tx, &new, NOW)?.expect("no form was sent twice"))
}

/// Sixty deals of one partner and some of another, with equal names, amounts and statuses among them.
fn deals(db: &Db) {
    write(db, |tx| {
        partner(tx, "ann", "3479-ACEH")?;
        partner(tx, "bob", "3479-ACEK")?;
        for place in 0..66_i64 {
            let whose = if place % 11 == 10 { "bob" } else { "ann" };
            let name = ["Ada", "Bo Ada", "Cleo"][usize::try_from(place % 3).unwrap()];
            let number = client(tx, name, "", Some(whose))?;
            for _ in 0..=place % 2 {
                let deal = deals::insert(tx, number, name, "", Some(whose), NOW)?;
                match place % 4 {
                    0 => deals::set_lost(tx, deal, "no", NOW)?,
                    1 => {
                        _ = tx.exec(
                            "UPDATE deal SET status = 'won', won_at = 0, amount = $1 WHERE number = $2",
                            params![1 + place % 5, deal],
                        )?
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    })
    .unwrap();
}

both_databases!(a_partners_deals_come_in_every_order_page_by_page, |db: Db| {
    deals(&db);
    let narrowed = [
        PartnerDeals::default(),
        PartnerDeals { status: Some(DealStatus::Lost), ..PartnerDeals::default() },
        PartnerDeals { search: "ADA".into(), ..PartnerDeals::default() },
        PartnerDeals { search: "1004".into(), number: Some(1004), ..PartnerDeals::default() },
        PartnerDeals { search: "a".into(), status: Some(DealStatus::Won), ..PartnerDeals::default() },
    ];
    for ask in narrowed {
        for sort in [Sort::Number, Sort::Name, Sort::Amount, Sort::Status] {
            for ascending in [false, true] {
                let ask = PartnerDeals { sort, ascending, ..ask.clone() };
                let asked = ask.clone();
                let whole = read(&db, move |tx| deals::of_partner(tx, "ann", &asked, None, 1_000)).unwrap();
                let mut paged = Vec::new();
                let mut after = None;
                loop {
                    let (asked, from) = (ask.clone(), after.clone());
                    let page =
                        read(&db, move |tx| deals::of_partner(tx, "ann", &asked, from.as_ref(), 7)).unwrap();
                    let Some((_, last)) = page.last() else { break };
                    after = Some(last.clone());
                    paged.extend(page.iter().map(|(deal, _)| deal.number));
                }
                let numbers: Vec<i64> = whole.iter().map(|(deal, _)| deal.number).collect();
                assert_eq!(paged, numbers, "{ask:?}");
                let in_order = |pair: &[(deals::Deal, deals::After)]| {
                    let key = |deal: &deals::Deal| match sort {
                        Sort::Number => (String::new(), deal.client_number),
                        Sort::Name => (deal.client_name.to_lowercase(), 0),
                        Sort::Amount => {
                            (String::new(), deal.won.as_ref().map_or(0, |won| won.amount.minor()))
                        }
                        Sort::Status => (deal.status.as_str().to_owned(), 0),
                    };
                    let (one, two) = (key(&pair[0].0), key(&pair[1].0));
                    let numbers = (pair[0].0.number, pair[1].0.number);
                    if ascending {
                        (one, numbers.0) < (two, numbers.1)
                    } else {
                        (one, numbers.0) > (two, numbers.1)
                    }
                };
                assert!(whole.windows(2).all(in_order), "{ask:?}: {numbers:?}");
                let fits = |deal: &deals::Deal| {
                    ask.status.is_none_or(|status| deal.status == status)
                        && match ask.search.as_str() {
                            "ADA" => deal.client_name.contains("Ada"),
                            "1004" => deal.client_number == 1004,
                            _ => true,
                        }
                };
                assert!(!whole.is_empty() && whole.iter().all(|(deal, _)| fits(deal)), "{ask:?}");
            }
        }
    }
    let all = read(&db, |tx| deals::of_partner(tx, "ann", &PartnerDeals::default(), None, 1_000)).unwrap();
    let of_bob = read(&db, |tx| deals::of_partner(tx, "bob", &PartnerDeals::default(), None, 1_000)).unwrap();
    assert_eq!((all.len(), of_bob.len()), (90, 9));
});

/// The numbers that a search finds.
fn found(db: &Db, filter: ClientFilter) -> Vec<i64> {
    let found = read(db, move |tx| clients::list(tx, &filter, None, 20)).unwrap();
    assert_eq!(found.further, None, "so few are all looked through");
    found.rows.iter().map(|row| row.number).collect()
}

both_databases!(who_is_meant_by_a_number_stands_first, |db: Db| {
    let (one, others) = write(&db, |tx| {
        let one = client(tx, "Ada Obi", "ada@obi.example", None)?;
        let mut others = Vec::new();
        for number in 0..30 {
            others.push(client(tx, "Cora Lind", &format!("c{number}@{one}.com"), None)?);
        }
        Ok((one, others))
    })
    .unwrap();
    let filter = ClientFilter { search: format!("C-{one}"), number: Some(one), ..ClientFilter::default() };
    let numbers = found(&db, filter);
    assert_eq!(numbers[0], one);
    assert_eq!(numbers[1..], others.into_iter().rev().take(19).collect::<Vec<_>>());
});

both_databases!(clients_are_found_by_the_beginnings_of_their_words, |db: Db| {
    write(&db, |tx| {
        partner(tx, "ann", "3479-ACEH")?;
        let one = client(tx, "Siobhán O'Neill, Müller & Söhne", "s.oneill@mueller.example", Some("ann"))?;
        client(tx, "Ada Obi", "ada@obi.example", None)?;
        let three = client(tx, "Adam Novak", "novak@example.com", Some("ann"))?;
        let deal = deals::insert(tx, one, "x", "", Some("ann"), NOW)?;
        deals::set_lost(tx, deal, "no", NOW)?;
        deals::insert(tx, three, "x", "", Some("ann"), NOW)?;
        Ok(())
    })
    .unwrap();
    let search = |search: &str| ClientFilter { search: search.into(), ..ClientFilter::default() };
    for (typed, expected) in [
        ("", vec![1003, 1002, 1001]),
        ("ada", vec![1003, 1002]),
        ("ADA ob", vec![1002]),
        ("obi ada", vec![1002]),
        ("Muller", vec![1001]),
        ("mueller soehne", vec![1001]),
        ("s.oneill@mueller.example", vec![1001]),
        ("example", vec![1003, 1002, 1001]),
        ("7946 0123", vec![1003, 1002, 1001]),
        ("+44 20 7946", vec![1003, 1002, 1001]),
        ("neill", vec![]),
        ("bi", vec![]),
        ("%", vec![]),
    ] {
        assert_eq!(found(&db, search(typed)), expected, "{typed}");
    }
    let of_ann = ClientFilter { partner_id: Some("ann".into()), ..search("ada") };
    assert_eq!(found(&db, of_ann.clone()), [1003]);
    assert_eq!(found(&db, ClientFilter { search: String::new(), ..of_ann }), [1003, 1001]);
    let lost = ClientFilter { status: Some(DealStatus::Lost), ..ClientFilter::default() };
    assert_eq!(found(&db, lost.clone()), [1001]);
    assert_eq!(found(&db, ClientFilter { search: "ada".into(), ..lost.clone() }), Vec::<i64>::new());
    // A number is found whatever the words are, but not past what else is asked for.
    let number = ClientFilter { number: Some(1002), deal: Some(2001), ..search("1002") };
    assert_eq!(found(&db, number.clone()), [1002, 1001]);
    assert_eq!(found(&db, ClientFilter { number: Some(1002), deal: Some(2001), ..lost }), [1001]);
});

both_databases!(clients_from_before_are_given_their_words, |db: Db| {
    write(&db, |tx| {
        for name in ["Ada Obi", "Bo Müller", "Cleo Ada"] {
            client(tx, name, "", None)?;
        }
        tx.exec("DELETE FROM client_word", &[])?;
        tx.exec("UPDATE client SET has_words = NULL, search = lower(name)", &[])
    })
    .unwrap();
    let search = || ClientFilter { search: "ada".into(), ..ClientFilter::default() };
    assert_eq!(found(&db, search()), Vec::<i64>::new());
    assert_eq!(write(&db, |tx| matching::fill_words(tx, 2)).unwrap(), 2);
    assert_eq!(found(&db, search()), [1001]);
    assert_eq!(write(&db, |tx| matching::fill_words(tx, 2)).unwrap(), 1);
    assert_eq!(write(&db, |tx| matching::fill_words(tx, 2)).unwrap(), 0);
    assert_eq!(found(&db, search()), [1003, 1001]);
    assert_eq!(found(&db, ClientFilter { search: "ada cleo".into(), ..ClientFilter::default() }), [1003]);
});

both_databases!(a_statement_is_narrowed_to_what_it_is_about, |db: Db| {
    let transfer = |key: &str, deal: i64, phase: Phase| Transfer {
        key: key.into(),
        debit: Account::expense("ann", Currency::USD),
        credit: Account::payable("ann", Currency::USD),
        amount: Money::from_minor(100),
        code: TransferCode::Commission,
        phase,
        subject: Subject::Deal(deal),
        reverses: None,
        may_overdraw: false,
        reason: None,
        available_at: None,
    };
    write(&db, move |tx| {
        partner(tx, "ann", "3479-ACEH")?;
        let number = client(tx, "Ada", "", Some("ann"))?;
        for _ in 0..12 {
            deals::insert(tx, number, "Ada", "", Some("ann"), NOW)?;
        }
        for deal in 2001..=2012 {
            let hold = transfer(&format!("deal:{deal}:commission"), deal, Phase::Pending);
            ledger::apply(tx, NOW, &[hold]).expect("it is booked");
        }
        let released = Phase::Post { pending: "deal:2003:commission".into() };
        ledger::apply(tx, NOW, &[transfer("deal:2003:commission:release", 2003, released)])
            .expect("released");
        tx.exec("UPDATE deal SET available_at = 1 WHERE number <> 2003", &[])
    })
    .unwrap();
    let lines = |lines: Lines, before: Option<i64>, limit: i64| {
        let account = Account::payable("ann", Currency::USD);
        let found = read(&db, move |tx| ledger::statement_of(tx, &account, lines, before, limit)).unwrap();
        found.iter().map(|line| (line.entry.seq, line.transfer.key.clone())).collect::<Vec<_>>()
    };
    let seqs =
        |of: Lines, before, limit| lines(of, before, limit).iter().map(|(seq, _)| *seq).collect::<Vec<_>>();
    assert_eq!(seqs(Lines::All, None, 3), [13, 12, 11]);
    assert_eq!(seqs(Lines::Deals, Some(3), 9), [2, 1]);
    assert_eq!(
        lines(Lines::Deal(2003), None, 9),
        [(13, "deal:2003:commission:release".to_owned()), (3, "deal:2003:commission".to_owned())]
    );
    assert_eq!(seqs(Lines::Deal(200), None, 9), Vec::<i64>::new());
    assert_eq!(seqs(Lines::OnHold, None, 4), [12, 11, 10, 9]);
    assert_eq!(seqs(Lines::OnHold, Some(5), 9), [4, 2, 1]);
    assert_eq!(seqs(Lines::Withdrawals, None, 9), Vec::<i64>::new());
});
