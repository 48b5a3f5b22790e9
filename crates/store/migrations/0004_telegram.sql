-- A Telegram chat is one account's: what is written there, and what /stop ends, is never in doubt.
CREATE UNIQUE INDEX telegram_link_chat ON telegram_link (chat_id);

-- The last reminder to finance about a withdrawal that waits. No reference: the table of withdrawals may be rebuilt.
CREATE TABLE withdrawal_reminder (
    withdrawal_id TEXT {c} PRIMARY KEY,
    -- In hours after the request: 24, 44, 48.
    hours BIGINT NOT NULL,
    sent_at BIGINT NOT NULL
){strict};
