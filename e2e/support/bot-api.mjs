// A peer that speaks the Telegram Bot API, as far as a bot asks it: what people write, what the bot answers.

import http from 'node:http';

export const TOKEN = '4242:a-token-of-the-journey';
export const BOT = 'northwind_partners_bot';

/** Starts the peer on a free port of 127.0.0.1. */
export async function startBotApi() {
  const updates = [];
  const sent = [];
  const waiting = new Set();
  let last = 100;

  const answer = (response, status, body) => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(JSON.stringify(body));
  };
  const good = (response, result) => answer(response, 200, { ok: true, result });

  /** Answers whoever waits for updates, if there are any. */
  const deliver = () => {
    if (updates.length === 0) return;
    for (const one of waiting) one();
  };

  const methods = {
    getMe: (_, response) => good(response, { id: 42, is_bot: true, first_name: 'Northwind', username: BOT }),
    sendMessage(ask, response) {
      sent.push({ chat: ask.chat_id, text: ask.text });
      good(response, { message_id: sent.length, date: 1, chat: { id: ask.chat_id, type: 'private' } });
    },
    getUpdates(ask, response) {
      while (ask.offset && updates.length > 0 && updates[0].update_id < ask.offset) updates.shift();
      const end = () => {
        clearTimeout(timer);
        waiting.delete(end);
        good(response, updates);
      };
      const timer = setTimeout(end, (ask.timeout ?? 0) * 1000);
      waiting.add(end);
      deliver();
    },
  };

  const server = http.createServer(async (request, response) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    const [, token, method] = request.url.match(/^\/bot([^/]+)\/(\w+)$/) ?? [];
    if (token !== TOKEN) return answer(response, 401, { ok: false, error_code: 401, description: 'Unauthorized' });
    if (!methods[method]) return answer(response, 404, { ok: false, error_code: 404, description: 'Not Found' });
    return methods[method](JSON.parse(body || '{}'), response);
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));

  return {
    /** The settings of a server with this bot. */
    settings: {
      GOODWORD_TELEGRAM_TOKEN: TOKEN,
      GOODWORD_TELEGRAM_API: `http://127.0.0.1:${server.address().port}`,
    },

    /** What the bot has sent: `{chat, text}`. */
    sent,

    /** A person writes to the bot. */
    writes({ id, name, username }, text) {
      last += 1;
      const chat = { id, type: 'private', first_name: name, username };
      const from = { id, is_bot: false, first_name: name };
      updates.push({ update_id: last, message: { message_id: last, date: 1, chat, from, text } });
      deliver();
    },

    stop() {
      for (const one of waiting) one();
      server.closeAllConnections();
      return new Promise((resolve) => server.close(resolve));
    },
  };
}
