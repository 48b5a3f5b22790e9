//! Mappings to begin with, for CRMs whose webhooks are documented. Each is held against the shape that the CRM's public
//! documentation shows; docs/crm.md says which, and what to set up there.

use super::mapping::{Mapping, read_stages};

/// A mapping to begin with.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// The word in forms.
    pub word: &'static str,
    /// What people read.
    pub label: &'static str,
    pointers: &'static [(&'static str, &'static str)],
    stages: &'static str,
}

/// Every preset; the first one is empty.
pub const PRESETS: [Preset; 5] = [
    Preset { word: "other", label: "Another CRM", pointers: &[], stages: "" },
    Preset {
        word: "bitrix24",
        label: "Bitrix24",
        pointers: &[
            ("deal", "/deal"),
            ("number", "/number"),
            ("stage", "/stage"),
            ("amount", "/amount"),
            ("currency", "/currency"),
            ("name", "/name"),
            ("email", "/email"),
            ("phone", "/phone"),
            ("code", "/ref"),
            ("title", "/title"),
        ],
        stages: "NEW = pending\nPREPARATION = pending\nPREPAYMENT_INVOICE = pending\nEXECUTING = pending\nFINAL_INVOICE = pending\n\
                 WON = won\nLOSE = lost\nAPOLOGY = lost",
    },
    Preset {
        word: "amocrm",
        label: "amoCRM / Kommo",
        pointers: &[
            ("list", "/leads/status /leads/update /leads/add"),
            ("deal", "/id"),
            ("stage", "/status_id"),
            ("amount", "/price"),
            ("order", "/last_modified"),
            ("title", "/name"),
        ],
        stages: "142 = won\n143 = lost",
    },
    Preset {
        word: "hubspot",
        label: "HubSpot",
        pointers: &[
            ("deal", "/hs_object_id"),
            ("stage", "/dealstage"),
            ("amount", "/amount"),
            ("currency", "/deal_currency_code"),
            ("reason", "/closed_lost_reason"),
            ("title", "/dealname"),
            ("code", "/goodword_ref"),
        ],
        stages: "appointmentscheduled = pending\nqualifiedtobuy = pending\npresentationscheduled = pending\n\
                 decisionmakerboughtin = pending\ncontractsent = pending\nclosedwon = won\nclosedlost = lost",
    },
    Preset {
        word: "pipedrive",
        label: "Pipedrive",
        pointers: &[
            ("deal", "/data/id"),
            ("stage", "/data/status"),
            ("amount", "/data/value"),
            ("currency", "/data/currency"),
            ("reason", "/data/lost_reason"),
            ("event", "/meta/id"),
            ("order", "/meta/timestamp"),
            ("title", "/data/title"),
        ],
        stages: "open = pending\nwon = won\nlost = lost\ndeleted = ignore",
    },
];

impl Preset {
    /// The preset of a word.
    pub fn from_word(word: &str) -> Option<Preset> {
        PRESETS.into_iter().find(|preset| preset.word == word)
    }

    /// The mapping.
    pub fn mapping(&self) -> Mapping {
        Mapping {
            pointers: self
                .pointers
                .iter()
                .map(|(name, pointer)| ((*name).into(), (*pointer).into()))
                .collect(),
            stages: read_stages(self.stages).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ops::crm::{
        body,
        mapping::{Meaning, POINTERS, read_pointer},
    };

    const FORM: &str = "application/x-www-form-urlencoded";

    /// Deal, meaning, amount and currency of what a CRM sends.
    fn told(
        preset: &str,
        content_type: &str,
        query: &str,
        sent: &str,
    ) -> (String, Option<Meaning>, String, String) {
        let mapping = Preset::from_word(preset).unwrap().mapping();
        let items = mapping.items(&body::read(content_type, query, sent).unwrap());
        assert_eq!(items.len(), 1, "{items:?}");
        let news = mapping.read(&items[0]);
        (news.deal, mapping.meaning(&news.stage), news.amount, news.currency)
    }

    fn said(
        deal: &str,
        meaning: Meaning,
        amount: &str,
        currency: &str,
    ) -> (String, Option<Meaning>, String, String) {
        (deal.into(), Some(meaning), amount.into(), currency.into())
    }

    #[test]
    fn every_preset_is_a_mapping() {
        for preset in PRESETS {
            let mapping = preset.mapping();
            for (name, pointer) in &mapping.pointers {
                assert!(POINTERS.iter().any(|(known, ..)| known == name), "{name}");
                assert_eq!(read_pointer(pointer).as_ref(), Ok(pointer));
            }
            assert_eq!(read_stages(preset.stages).unwrap(), mapping.stages);
            assert!(
                preset.word == "other" || mapping.stages.iter().any(|(_, meaning)| *meaning == Meaning::Won)
            );
        }
    }

    #[test]
    fn bitrix24_says_it_in_the_address_of_the_robots_webhook() {
        let sent = "document_id%5B0%5D=crm&document_id%5B1%5D=CCrmDocumentDeal&document_id%5B2%5D=DEAL_41&auth%5Bdomain%5D=example.bitrix24.com";
        let query = "deal=41&stage=WON&amount=1500.00&currency=USD";
        assert_eq!(told("bitrix24", FORM, query, sent), said("41", Meaning::Won, "1500.00", "USD"));
    }

    #[test]
    fn amocrm_sends_a_form_with_brackets() {
        let sent = "leads%5Bstatus%5D%5B0%5D%5Bid%5D=25399013&leads%5Bstatus%5D%5B0%5D%5Bname%5D=Lead&leads%5Bstatus%5D%5B0%5D%5Bold_status_id%5D=7039101\
                    &leads%5Bstatus%5D%5B0%5D%5Bstatus_id%5D=142&leads%5Bstatus%5D%5B0%5D%5Bprice%5D=1000&leads%5Bstatus%5D%5B0%5D%5Blast_modified%5D=1529007000\
                    &account%5Bid%5D=77&account%5Bsubdomain%5D=example";
        assert_eq!(told("amocrm", FORM, "", sent), said("25399013", Meaning::Won, "1000", ""));
    }

    #[test]
    fn hubspots_workflow_sends_the_properties_that_were_chosen() {
        let sent = r#"{"hs_object_id": 9876543210, "dealstage": "closedlost", "amount": "250.5", "deal_currency_code": "USD", "dealname": "Offer"}"#;
        assert_eq!(
            told("hubspot", "application/json", "", sent),
            said("9876543210", Meaning::Lost, "250.5", "USD")
        );
    }

    #[test]
    fn pipedrive_sends_the_deal_with_the_event_around_it() {
        let sent = r#"{"data": {"id": 12, "title": "Offer", "value": 3000, "currency": "USD", "status": "won", "lost_reason": null},
            "previous": {"status": "open"}, "meta": {"action": "change", "entity": "deal", "entity_id": "12", "id": "af4a5f0e-6cb5-4b0c-9f9b-4a7a3e1d2c11",
            "timestamp": "2026-11-27T10:00:00.000Z", "version": "2.0"}}"#;
        assert_eq!(told("pipedrive", "application/json", "", sent), said("12", Meaning::Won, "3000", "USD"));
    }
}
