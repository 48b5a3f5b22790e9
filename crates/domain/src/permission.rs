//! Who may do what, people in the office and programs by a token: one table, walked whole by the tests of the server.

use std::fmt;

/// The role of a member of staff.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Everything.
    Admin,
    /// Clients and deals.
    Sales,
    /// Withdrawals and partners' balances.
    Finance,
    /// Feedback and what partners ask.
    Support,
}

impl Role {
    /// Every role.
    pub const ALL: [Role; 4] = [Role::Admin, Role::Sales, Role::Finance, Role::Support];

    /// The word in the database, on the command line and in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Admin => "admin",
            Role::Sales => "sales",
            Role::Finance => "finance",
            Role::Support => "support",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Role> {
        Role::ALL.into_iter().find(|role| role.as_str() == word)
    }

    /// The word a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            Role::Admin => "Admin",
            Role::Sales => "Sales",
            Role::Finance => "Finance",
            Role::Support => "Support",
        }
    }

    /// Whether the role may do something.
    pub fn may(self, permission: Permission) -> bool {
        permission.roles().contains(&self)
    }
}

/// Something a member of staff can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Permission {
    /// Open the office at all.
    Office,
    /// Read clients and their deals.
    ReadClients,
    /// Win, lose, reopen and refund deals, write notes.
    CloseDeals,
    /// Give a client to another partner, or to nobody.
    AssignClients,
    /// Read partners' claims to clients and rule on them.
    RuleOnClaims,
    /// Read the queue of withdrawals and each request.
    ReadWithdrawals,
    /// Pay or reject a withdrawal.
    DecideWithdrawals,
    /// Give bonuses and correct balances.
    AdjustBalances,
    /// Read the list of partners and each partner's page.
    ReadPartners,
    /// Suspend and reinstate partners, set an agreed rate.
    ManagePartners,
    /// Take everything out as files.
    ExportEverything,
    /// Take partners, clients, deals and open balances over from another system.
    ImportEverything,
    /// Replace what is known of a partner or client, for good.
    ErasePeople,
    /// Read, mark and answer feedback.
    ReadFeedback,
    /// Read and answer support requests, close them and open them again.
    AnswerSupport,
    /// See and answer requests to recover a password.
    RecoverAccounts,
    /// Read messages on their way, have them sent again or not at all.
    ReadOutbox,
    /// Read the audit and take it out as a file.
    ReadAudit,
    /// Change the programme's settings and tiers.
    ChangeSettings,
    /// Invite staff and take their access away.
    ManageStaff,
    /// Make tokens for other programs and revoke them.
    ManageTokens,
    /// See what the CRM has told, apply it once more or set it aside.
    ReadCrm,
    /// Make addresses for the CRM and say how what it sends is read.
    ManageCrm,
    /// Hold the CRM's list of deals against the deals here, and mend what differs.
    Reconcile,
    /// Choose which other systems are told what happens here.
    ManageWebhooks,
}

impl Permission {
    /// Every permission.
    pub const ALL: &[Permission] = &[
        Permission::Office,
        Permission::ReadClients,
        Permission::CloseDeals,
        Permission::AssignClients,
        Permission::RuleOnClaims,
        Permission::ReadWithdrawals,
        Permission::DecideWithdrawals,
        Permission::AdjustBalances,
        Permission::ReadPartners,
        Permission::ManagePartners,
        Permission::ExportEverything,
        Permission::ImportEverything,
        Permission::ErasePeople,
        Permission::ReadFeedback,
        Permission::AnswerSupport,
        Permission::RecoverAccounts,
        Permission::ReadOutbox,
        Permission::ReadAudit,
        Permission::ChangeSettings,
        Permission::ManageStaff,
        Permission::ManageTokens,
        Permission::ReadCrm,
        Permission::ManageCrm,
        Permission::Reconcile,
        Permission::ManageWebhooks,
    ];

    /// The roles that have it. This is the permission table.
    pub const fn roles(self) -> &'static [Role] {
        use Role::*;
        match self {
            Permission::Office => &[Admin, Sales, Finance, Support],
            Permission::ReadClients => &[Admin, Sales, Finance],
            Permission::CloseDeals => &[Admin, Sales],
            Permission::AssignClients => &[Admin, Sales],
            Permission::RuleOnClaims => &[Admin, Sales],
            Permission::ReadWithdrawals => &[Admin, Finance],
            Permission::DecideWithdrawals => &[Admin, Finance],
            Permission::AdjustBalances => &[Admin, Finance],
            Permission::ReadPartners => &[Admin, Sales, Finance, Support],
            Permission::ManagePartners => &[Admin, Finance],
            Permission::ExportEverything => &[Admin],
            Permission::ImportEverything => &[Admin],
            Permission::ErasePeople => &[Admin],
            Permission::ReadFeedback => &[Admin, Support],
            // Finance too: half of what partners ask is about money.
            Permission::AnswerSupport => &[Admin, Finance, Support],
            Permission::RecoverAccounts => &[Admin, Support],
            Permission::ReadOutbox => &[Admin, Support],
            Permission::ReadAudit => &[Admin],
            Permission::ChangeSettings => &[Admin],
            Permission::ManageStaff => &[Admin],
            Permission::ManageTokens => &[Admin],
            Permission::ReadCrm => &[Admin, Sales],
            Permission::ManageCrm => &[Admin],
            Permission::Reconcile => &[Admin, Sales],
            Permission::ManageWebhooks => &[Admin],
        }
    }
}

/// What a token may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// What the role may.
    As(Role),
    /// Read everything there is to be read, change nothing.
    Read,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Scope; 4] =
        [Scope::As(Role::Sales), Scope::As(Role::Finance), Scope::Read, Scope::As(Role::Admin)];

    /// The word in the database, on the command line and in forms.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scope::As(role) => role.as_str(),
            Scope::Read => "read",
        }
    }

    /// Reads the word back.
    pub fn from_word(word: &str) -> Option<Scope> {
        Scope::ALL.into_iter().find(|scope| scope.as_str() == word)
    }

    /// The word a person reads.
    pub const fn label(self) -> &'static str {
        match self {
            Scope::As(role) => role.label(),
            Scope::Read => "Read",
        }
    }

    /// Whether the scope suffices for something.
    pub fn may(self, permission: Permission) -> bool {
        use Permission::*;
        match self {
            Scope::As(role) => role.may(permission),
            Scope::Read => matches!(permission, ReadClients | ReadWithdrawals | ReadPartners | ReadAudit),
        }
    }
}

/// The scopes of one token: at least one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scopes([bool; Scope::ALL.len()]);

impl Scopes {
    /// Some scopes; none when there are none.
    pub fn new(chosen: &[Scope]) -> Option<Scopes> {
        (!chosen.is_empty()).then(|| Scopes(Scope::ALL.map(|scope| chosen.contains(&scope))))
    }

    /// Reads words, parted by spaces or commas. None when one of them is unknown, or there is none.
    pub fn from_words(words: &str) -> Option<Scopes> {
        let chosen: Option<Vec<Scope>> =
            words.split([' ', ',']).filter(|word| !word.is_empty()).map(Scope::from_word).collect();
        Scopes::new(&chosen?)
    }

    /// The scopes, in the order of [`Scope::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Scope> {
        Scope::ALL.into_iter().zip(self.0).filter(|(_, has)| *has).map(|(scope, _)| scope)
    }

    /// Whether one of them suffices for something.
    pub fn may(self, permission: Permission) -> bool {
        self.iter().any(|scope| scope.may(permission))
    }
}

impl fmt::Display for Scopes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words: Vec<&str> = self.iter().map(Scope::as_str).collect();
        f.write_str(&words.join(" "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_admin_may_do_everything_and_nobody_else_does() {
        for permission in Permission::ALL {
            assert!(Role::Admin.may(*permission), "{permission:?}");
        }
        for role in [Role::Sales, Role::Finance, Role::Support] {
            assert!(role.may(Permission::Office));
            assert!(!role.may(Permission::ChangeSettings) && !role.may(Permission::ManageStaff));
        }
        assert!(!Role::Sales.may(Permission::DecideWithdrawals));
        assert!(
            !Role::Sales.may(Permission::AdjustBalances) && Role::Finance.may(Permission::AdjustBalances)
        );
        assert!(!Role::Finance.may(Permission::CloseDeals));
        assert!(!Role::Support.may(Permission::ReadWithdrawals));
    }

    #[test]
    fn scopes_are_read_back_and_reading_changes_nothing() {
        for scope in Scope::ALL {
            assert_eq!(Scope::from_word(scope.as_str()), Some(scope));
        }
        let scopes = Scopes::from_words("read,sales").unwrap();
        assert_eq!(scopes.to_string(), "sales read");
        assert!(scopes.may(Permission::CloseDeals) && scopes.may(Permission::ReadWithdrawals));
        assert!(!scopes.may(Permission::DecideWithdrawals));
        for words in ["", " ", "support", "read root"] {
            assert_eq!(Scopes::from_words(words), None, "{words:?}");
        }
        let changes: Vec<_> = Permission::ALL.iter().filter(|what| Scope::Read.may(**what)).collect();
        assert!(changes.iter().all(|what| format!("{what:?}").starts_with("Read")), "{changes:?}");
    }

    #[test]
    fn words_are_read_back() {
        for role in Role::ALL {
            assert_eq!(Role::from_word(role.as_str()), Some(role));
        }
        assert_eq!(Role::from_word("root"), None);
    }
}
