//! Requests that well-known systems take for a new client, filled in for whoever adds one. Each is made after the public
//! documentation of its interface; what is in capitals in an address is for people to replace.

/// A request filled in.
#[derive(Debug, Clone, Copy)]
pub struct Preset {
    /// The word in addresses.
    pub word: &'static str,
    /// What people choose it by.
    pub label: &'static str,
    /// Where it goes.
    pub url: &'static str,
    /// Headers, a line each.
    pub headers: &'static str,
    /// The body.
    pub template: &'static str,
    /// Where the answer says what the other system calls it.
    pub answer_id: &'static str,
    /// Whose identifier that is.
    pub answer_of: &'static str,
    /// What has to be put in, in a sentence.
    pub hint: &'static str,
}

/// Every preset.
pub const ALL: &[Preset] = &[
    // https://apidocs.bitrix24.com/api-reference/crm/leads/crm-lead-add.html
    Preset {
        word: "bitrix24-lead",
        label: "Bitrix24: a lead",
        url: "https://YOUR-PORTAL.bitrix24.com/rest/1/YOUR-CODE/crm.lead.add.json",
        headers: "",
        template: r#"{
  "fields": {
    "TITLE": "C-{{client.number}} {{client.name}}",
    "NAME": "{{client.name}}",
    "PHONE": [{"VALUE": "{{client.phone}}", "VALUE_TYPE": "WORK"}],
    "EMAIL": [{"VALUE": "{{client.email}}", "VALUE_TYPE": "WORK"}],
    "COMMENTS": "{{client.message}}",
    "SOURCE_ID": "RECOMMENDATION",
    "SOURCE_DESCRIPTION": "{{partner.name}} {{code}}"
  }
}"#,
        answer_id: "/result",
        answer_of: "client",
        hint: "Make an inbound webhook with the permission crm in Bitrix24 and put its address in, with crm.lead.add.json at the end.",
    },
    // https://apidocs.bitrix24.com/api-reference/crm/deals/crm-deal-add.html
    Preset {
        word: "bitrix24-deal",
        label: "Bitrix24: a deal",
        url: "https://YOUR-PORTAL.bitrix24.com/rest/1/YOUR-CODE/crm.deal.add.json",
        headers: "",
        template: r#"{
  "fields": {
    "TITLE": "T-{{deal.number}} {{client.name}}",
    "COMMENTS": "{{client.name}} {{client.email}} {{client.phone}} {{client.telegram}}: {{client.message}}",
    "SOURCE_ID": "RECOMMENDATION",
    "SOURCE_DESCRIPTION": "{{partner.name}} {{code}}"
  }
}"#,
        answer_id: "/result",
        answer_of: "deal",
        hint: "Make an inbound webhook with the permission crm in Bitrix24 and put its address in, with crm.deal.add.json at the end.",
    },
    // https://developers.kommo.com/reference/complex-leads
    Preset {
        word: "kommo",
        label: "Kommo or amoCRM: a lead with a contact",
        url: "https://YOUR-ACCOUNT.kommo.com/api/v4/leads/complex",
        headers: "Authorization: Bearer YOUR-TOKEN",
        template: r#"[
  {
    "name": "C-{{client.number}} {{client.name}}",
    "_embedded": {
      "contacts": [
        {
          "first_name": "{{client.name}}",
          "custom_fields_values": [
            {"field_code": "EMAIL", "values": [{"enum_code": "WORK", "value": "{{client.email}}"}]},
            {"field_code": "PHONE", "values": [{"enum_code": "WORK", "value": "{{client.phone}}"}]}
          ]
        }
      ],
      "tags": [{"name": "{{partner.name}}"}]
    }
  }
]"#,
        answer_id: "/0/id",
        answer_of: "deal",
        hint: "Make a private integration with a long-lived token and put it into the headers. amoCRM: the address ends in amocrm.ru.",
    },
    // https://developers.hubspot.com/docs/api-reference/crm-contacts-v3/guide
    Preset {
        word: "hubspot",
        label: "HubSpot: a contact",
        url: "https://api.hubapi.com/crm/v3/objects/contacts",
        headers: "Authorization: Bearer YOUR-TOKEN",
        template: r#"{
  "properties": {
    "firstname": "{{client.name}}",
    "email": "{{client.email}}",
    "phone": "{{client.phone}}",
    "message": "{{client.message}}",
    "lifecyclestage": "lead"
  }
}"#,
        answer_id: "/id",
        answer_of: "client",
        hint: "Make a private app with the scope crm.objects.contacts.write and put its token into the headers.",
    },
    // https://developers.pipedrive.com/docs/api/v1/Persons (version 2 of adding a person)
    Preset {
        word: "pipedrive-person",
        label: "Pipedrive: a person",
        url: "https://YOUR-COMPANY.pipedrive.com/api/v2/persons",
        headers: "x-api-token: YOUR-TOKEN",
        template: r#"{
  "name": "{{client.name}}",
  "emails": [{"value": "{{client.email}}", "primary": true, "label": "work"}],
  "phones": [{"value": "{{client.phone}}", "primary": true, "label": "work"}]
}"#,
        answer_id: "/data/id",
        answer_of: "client",
        hint: "Copy your token from Personal preferences, API, and put it into the headers.",
    },
    // https://developers.pipedrive.com/docs/api/v1/Deals (version 2 of adding a deal)
    Preset {
        word: "pipedrive-deal",
        label: "Pipedrive: a deal",
        url: "https://YOUR-COMPANY.pipedrive.com/api/v2/deals",
        headers: "x-api-token: YOUR-TOKEN",
        template: r#"{
  "title": "T-{{deal.number}} {{client.name}}"
}"#,
        answer_id: "/data/id",
        answer_of: "deal",
        hint: "Copy your token from Personal preferences, API, and put it into the headers.",
    },
];

/// The preset of a word.
pub fn by_word(word: &str) -> Option<&'static Preset> {
    ALL.iter().find(|preset| preset.word == word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::webhooks::template;
    use serde_json::{Value, json};

    fn made(word: &str, facts: &Value) -> Value {
        let preset = by_word(word).unwrap();
        template::check(preset.template).unwrap();
        serde_json::from_str(&template::fill(preset.template, facts).unwrap()).unwrap()
    }

    fn whole() -> Value {
        json!({
            "client": {"number": 1042, "name": "Ann \"A\" Smith", "email": "ann@example.com", "phone": "+12025550123",
                       "telegram": "@ann", "message": "Two\nlines"},
            "deal": {"number": 2077, "title": ""},
            "partner": {"id": "p", "name": "Mara", "email": "mara@example.com"},
            "code": "K7XM2PQD",
        })
    }

    /// By the documentation of each: the shapes are written down by hand.
    #[test]
    fn each_has_the_shape_that_its_documentation_asks_for() {
        assert_eq!(
            made("bitrix24-lead", &whole()),
            json!({"fields": {
                "TITLE": "C-1042 Ann \"A\" Smith",
                "NAME": "Ann \"A\" Smith",
                "PHONE": [{"VALUE": "+12025550123", "VALUE_TYPE": "WORK"}],
                "EMAIL": [{"VALUE": "ann@example.com", "VALUE_TYPE": "WORK"}],
                "COMMENTS": "Two\nlines",
                "SOURCE_ID": "RECOMMENDATION",
                "SOURCE_DESCRIPTION": "Mara K7XM2PQD",
            }})
        );
        assert_eq!(
            made("bitrix24-deal", &whole()),
            json!({"fields": {
                "TITLE": "T-2077 Ann \"A\" Smith",
                "COMMENTS": "Ann \"A\" Smith ann@example.com +12025550123 @ann: Two\nlines",
                "SOURCE_ID": "RECOMMENDATION",
                "SOURCE_DESCRIPTION": "Mara K7XM2PQD",
            }})
        );
        assert_eq!(
            made("kommo", &whole()),
            json!([{
                "name": "C-1042 Ann \"A\" Smith",
                "_embedded": {
                    "contacts": [{
                        "first_name": "Ann \"A\" Smith",
                        "custom_fields_values": [
                            {"field_code": "EMAIL", "values": [{"enum_code": "WORK", "value": "ann@example.com"}]},
                            {"field_code": "PHONE", "values": [{"enum_code": "WORK", "value": "+12025550123"}]},
                        ],
                    }],
                    "tags": [{"name": "Mara"}],
                },
            }])
        );
        assert_eq!(
            made("hubspot", &whole()),
            json!({"properties": {
                "firstname": "Ann \"A\" Smith",
                "email": "ann@example.com",
                "phone": "+12025550123",
                "message": "Two\nlines",
                "lifecyclestage": "lead",
            }})
        );
        assert_eq!(
            made("pipedrive-person", &whole()),
            json!({
                "name": "Ann \"A\" Smith",
                "emails": [{"value": "ann@example.com", "primary": true, "label": "work"}],
                "phones": [{"value": "+12025550123", "primary": true, "label": "work"}],
            })
        );
        assert_eq!(made("pipedrive-deal", &whole()), json!({"title": "T-2077 Ann \"A\" Smith"}));
    }

    #[test]
    fn what_a_client_did_not_leave_is_left_out() {
        let facts = json!({
            "client": {"number": 7, "name": "Ann", "email": "", "phone": "", "telegram": "@ann", "message": ""},
            "deal": {"number": 8}, "partner": null, "code": null,
        });
        assert_eq!(
            made("bitrix24-lead", &facts),
            json!({"fields": {"TITLE": "C-7 Ann", "NAME": "Ann", "SOURCE_ID": "RECOMMENDATION"}})
        );
        assert_eq!(
            made("kommo", &facts),
            json!([{"name": "C-7 Ann", "_embedded": {"contacts": [{"first_name": "Ann"}]}}])
        );
        assert_eq!(made("pipedrive-person", &facts), json!({"name": "Ann"}));
    }

    #[test]
    fn each_can_be_saved_once_the_capitals_are_replaced() {
        for preset in ALL {
            assert!(crate::webhooks::guard::read(preset.url, false).is_ok(), "{}", preset.word);
            assert!(preset.answer_id.starts_with('/') && !preset.answer_of.is_empty());
            assert!(preset.url.contains("YOUR-") || preset.headers.contains("YOUR-"));
        }
    }
}
