//! What staff did and what concerned the safety of accounts: newest first, searchable, and as a table file. Nothing
//! here can be changed.

use std::collections::HashMap;

use askama::Template;
use axum::{extract::State, response::Response};
use store::{
    DbError, Found, Tx, accounts,
    audit::{self, Filter, Record},
    verification,
};

use super::{
    audit_words::{self, SUBJECTS, bare},
    parts::{Asked, Link, Moment, Pager, ROWS_AND_ONE, page_of_found},
};
use crate::{
    app::App,
    cell::text,
    ops::audit::Change,
    web::{
        error::PageError,
        paths,
        portal::export::{ROWS, table_file},
        shell::OfficeShell,
        show::{Page, show},
        visitor::Staff,
    },
};

/// How long an identifier or number may be that is looked for.
const ID_CHARS: usize = 60;

#[derive(Template)]
#[template(path = "office/audit.html")]
struct AuditPage {
    shell: OfficeShell,
    search: String,
    subject: String,
    subject_id: String,
    by: String,
    subjects: &'static [(&'static str, &'static str)],
    /// Identifier and name of everybody who can be chosen.
    people: Vec<(String, String)>,
    /// Nothing but the whole list was asked for.
    whole: bool,
    rows: Vec<Row>,
    pager: Pager,
    csv: String,
    /// When everything was verified last, and what was found.
    verified: Option<(Moment, String)>,
}

struct Row {
    at: Moment,
    who: String,
    role: String,
    /// Everything this person did.
    by: Option<String>,
    what: String,
    on: Link,
    /// Everything that was done to the same thing.
    more: String,
    changes: Vec<String>,
    reason: String,
}

/// What a change says in a line.
fn line(change: &Change) -> String {
    match (change.before.is_empty(), change.after.is_empty()) {
        (true, _) => format!("{}: {}", change.what, change.after),
        (false, true) => format!("{}: {} → nothing", change.what, change.before),
        (false, false) => format!("{}: {} → {}", change.what, change.before, change.after),
    }
}

/// The changes of a record; what can't be read (of a newer version) is shown as it is.
fn lines(record: &Record) -> Vec<String> {
    match serde_json::from_str::<Vec<Change>>(&record.changes) {
        Ok(changes) => changes.iter().map(line).collect(),
        Err(_) => vec![record.changes.clone()],
    }
}

impl Row {
    fn new(record: &Record, names: &HashMap<String, String>) -> Row {
        let name = names.get(&record.subject_id).map(String::as_str);
        let is_own = record.actor_id.as_ref() == Some(&record.subject_id);
        let name = if is_own { Some("Own account") } else { name };
        let on = audit_words::subject(&record.subject, &record.subject_id, name);
        Row {
            at: Moment::exact(record.at),
            who: record.actor.clone(),
            role: audit_words::role(&record.role).to_owned(),
            by: record.actor_id.as_ref().map(|id| paths::with_query(paths::OFFICE_AUDIT, &[("by", id)])),
            what: audit_words::sentence(&record.act).to_owned(),
            on,
            more: paths::with_query(
                paths::OFFICE_AUDIT,
                &[("subject", &record.subject), ("id", &record.subject_id)],
            ),
            changes: lines(record),
            reason: record.reason.clone(),
        }
    }
}

/// What is asked for. Words that no record can have find nothing, as they should.
fn filter(asked: &Asked) -> Filter {
    let plain = |name: &str| -> String {
        asked.0.value(name).trim().chars().filter(|c| !c.is_control()).take(ID_CHARS).collect()
    };
    let given = |text: String| Some(text).filter(|text| !text.is_empty());
    Filter {
        search: bare(&asked.search()).to_owned(),
        actor_id: asked.id("by"),
        subject: given(plain("subject")),
        subject_id: given(bare(&plain("id")).to_owned()),
    }
}

/// The address that asks for the same.
fn address(path: &str, filter: &Filter) -> String {
    let text = |option: &Option<String>| option.clone().unwrap_or_default();
    paths::with_query(
        path,
        &[
            ("q", filter.search.as_str()),
            ("subject", &text(&filter.subject)),
            ("id", &text(&filter.subject_id)),
            ("by", &text(&filter.actor_id)),
        ],
    )
}

/// What the people are called that records are about.
fn names(tx: &mut Tx, records: &[Record]) -> Result<HashMap<String, String>, DbError> {
    let mut names = HashMap::new();
    for record in
        records.iter().filter(|record| ["partner", "staff", "recovery"].contains(&record.subject.as_str()))
    {
        if !names.contains_key(&record.subject_id)
            && let Some(account) = accounts::by_id(tx, &record.subject_id)?
        {
            names.insert(record.subject_id.clone(), account.name);
        }
    }
    Ok(names)
}

/// `GET /office/audit`: `q`, `subject`, `id` and `by` narrow it down, so that other pages can link to what was done to
/// one thing or by one person.
///
/// # Errors
/// When the database can't be read.
pub async fn page(State(app): State<App>, staff: Staff, asked: Asked) -> Page {
    let wanted = filter(&asked);
    let before = asked.id("before");
    let whole = address("", &wanted).is_empty();
    let asking = wanted.clone();
    let (shell, records, names, people, verified) = app
        .read(move |tx, env| -> Result<_, PageError> {
            let shell = OfficeShell::load(tx, env, &staff, paths::OFFICE_AUDIT, None)?;
            let records = audit::look(tx, &asking, before.as_deref(), ROWS_AND_ONE)?;
            let names = names(tx, &records.rows)?;
            let mut people: Vec<(String, String)> =
                accounts::staff(tx)?.into_iter().map(|member| (member.id, member.name)).collect();
            // A partner's acts are reached by links; there are too many partners to choose from.
            if let Some(by) = &asking.actor_id
                && !people.iter().any(|(id, _)| id == by)
                && let Some(account) = accounts::by_id(tx, by)?
            {
                people.push((account.id, account.name));
            }
            Ok((shell, records, names, people, verification::last(tx)?))
        })
        .await?;
    let here = address(paths::OFFICE_AUDIT, &wanted);
    let (records, pager) = page_of_found(records, &asked, "before", &here, |record| record.id.clone());
    show(&AuditPage {
        shell,
        subjects: SUBJECTS,
        people,
        whole,
        rows: records.iter().map(|record| Row::new(record, &names)).collect(),
        pager,
        csv: address(paths::OFFICE_AUDIT_CSV, &wanted),
        verified: verified.map(|last| {
            let found = match last.findings {
                0 => "nothing is off".into(),
                1 => "1 finding".into(),
                count => format!("{count} findings"),
            };
            (Moment::exact(last.at), found)
        }),
        search: wanted.search,
        subject: wanted.subject.unwrap_or_default(),
        subject_id: wanted.subject_id.unwrap_or_default(),
        by: wanted.actor_id.unwrap_or_default(),
    })
}

/// `GET /office/audit/records.csv`: everything that is asked for, newest first.
///
/// # Errors
/// When the database can't be read.
pub async fn table(State(app): State<App>, asked: Asked) -> Result<Response, PageError> {
    let wanted = filter(&asked);
    let header = [
        "at",
        "actor",
        "role",
        "act",
        "subject",
        "subject_id",
        "changes",
        "reason",
        "chain",
        "record",
        "hash",
    ];
    let read = {
        let app = app.clone();
        move |after: Option<String>| {
            let (app, wanted) = (app.clone(), wanted.clone());
            async move {
                app.db
                    .report(move |tx| -> Result<Found<(Record, String), String>, DbError> {
                        let found = audit::look(tx, &wanted, after.as_deref(), ROWS)?;
                        let rows = found.rows.into_iter().map(|record| (record.clone(), record.id)).collect();
                        Ok(Found { rows, further: found.further })
                    })
                    .await
            }
        }
    };
    let write = |record: &Record| {
        vec![
            record.at.rfc3339(),
            text(&record.actor),
            record.role.clone(),
            record.act.clone(),
            record.subject.clone(),
            text(&record.subject_id),
            text(&lines(record).join("\n")),
            text(&record.reason),
            record.chain.to_string(),
            record.seq.to_string(),
            record.hash.clone(),
        ]
    };
    table_file(&app, "audit", &header, read, write).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::web::fields::Fields;
    use domain::clock::Timestamp;

    fn record() -> Record {
        Record {
            id: "0193a1b2-0000-7000-8000-0000000000aa".into(),
            chain: 3,
            seq: 7,
            at: Timestamp::from_micros(1_795_421_400_000_000),
            actor_id: Some("0193a1b2-0000-7000-8000-0000000000bb".into()),
            actor: "Ines <Duarte>".into(),
            role: "sales".into(),
            act: "deal.won".into(),
            subject: "deal".into(),
            subject_id: "2077".into(),
            changes: r#"[{"what":"Status","before":"pending","after":"won"},{"what":"Amount","before":"","after":"12,400.00"}]"#.into(),
            reason: "<b>signed</b>".into(),
            previous: String::new(),
            hash: "00".into(),
        }
    }

    fn page(rows: Vec<Row>, whole: bool) -> String {
        let page = AuditPage {
            shell: OfficeShell::sample(),
            search: "a \"b\"".into(),
            subject: "deal".into(),
            subject_id: "2077".into(),
            by: String::new(),
            subjects: SUBJECTS,
            people: vec![("x".into(), "Ada".into())],
            whole,
            rows,
            pager: Pager { next: Some("/office/audit?before=x".into()), ..Pager::default() },
            csv: "/office/audit/records.csv?q=a".into(),
            verified: Some((Moment::exact(Timestamp::from_micros(0)), "nothing is off".into())),
        };
        page.render().unwrap()
    }

    #[test]
    fn a_record_reads_as_a_sentence() {
        let text = page(vec![Row::new(&record(), &HashMap::new())], false);
        for part in [
            "Ines &#60;Duarte&#62;",
            "Sales",
            "Closed a deal successfully",
            "href=\"/office/deals/2077\"",
            "T-2077",
            "Status: pending → won",
            "Amount: 12,400.00",
            "&#60;b&#62;signed&#60;/b&#62;",
            "/office/audit?by=0193a1b2-0000-7000-8000-0000000000bb",
            "/office/audit/records.csv?q=a",
            "nothing is off",
            "value=\"deal\" selected",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
    }

    #[test]
    fn an_empty_list_says_why() {
        assert!(page(vec![], true).contains("Nothing is recorded yet"));
        assert!(page(vec![], false).contains("No record fits"));
    }

    #[test]
    fn changes_of_a_newer_version_are_shown_as_they_are() {
        let odd = Record { changes: "{\"new\": 1}".into(), ..record() };
        assert_eq!(lines(&odd), ["{\"new\": 1}"]);
        let gone =
            Record { changes: r#"[{"what":"Device","before":"Firefox","after":""}]"#.into(), ..record() };
        assert_eq!(lines(&gone), ["Device: Firefox → nothing"]);
    }

    #[test]
    fn what_is_asked_for_is_read_with_care() {
        let filter = filter(&Asked(Fields::parse(b"q=%00a&subject=deal&id=T-2077&by=nobody&before=x")));
        assert_eq!(filter.search, "a");
        assert_eq!(filter.subject.as_deref(), Some("deal"));
        assert_eq!(filter.subject_id.as_deref(), Some("2077"));
        assert_eq!(filter.actor_id, None);
        assert_eq!(super::filter(&Asked(Fields::parse(b"q=T-2077"))).search, "2077");
        assert_eq!(address("/x", &filter), "/x?q=a&subject=deal&id=2077");
    }
}
