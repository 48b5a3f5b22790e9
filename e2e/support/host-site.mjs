// The company's own site: another origin with a strict Content Security Policy, which knows of Goodword only its script.

import { createServer } from 'node:http';

const page = (script, body) => `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width"><title>Northwind</title>
<link rel="icon" href="data:,">${script}</head><body><main><h1>Northwind</h1>${body}</main></body></html>`;

/**
 * Starts it. `consent=wait` in an address makes its script wait.
 *
 * @returns {Promise<{url: string, sent: URLSearchParams[], listen: (goodword: string) => void, stop: () => Promise<void>}>}
 */
export async function startHostSite() {
  let goodword = '';
  const sent = [];
  const server = createServer((request, response) => {
    const url = new URL(request.url, 'http://site');
    const wait = url.searchParams.get('consent') === 'wait' ? ' data-consent="wait"' : '';
    const script = `<script src="${goodword}/embed/v1.js" defer${wait} data-params="via"></script>`;
    const bodies = {
      '/': '<p>We roast coffee.</p><p><a href="/talk">Talk to us</a></p>',
      '/talk': '<div data-goodword-form></div>',
      '/wrapped': '<div data-goodword><form action="/wrapped" method="post"><label>Name <input name="who"></label><input type="hidden" name="ref"><button>Go</button></form></div>',
      '/own': '<form action="/own" method="post" data-goodword><label>Name <input name="who"></label><button>Go</button></form>',
    };
    const answer = () => {
      response.writeHead(bodies[url.pathname] ? 200 : 404, {
        'Content-Type': 'text/html; charset=utf-8',
        'Content-Security-Policy':
          `default-src 'none'; script-src ${goodword}; connect-src ${goodword}; img-src data:; form-action 'self'; base-uri 'none'`,
      });
      response.end(page(script, bodies[url.pathname] ?? ''));
    };
    if (request.method !== 'POST') return answer();
    let body = '';
    request.on('data', (part) => (body += part));
    request.on('end', () => {
      sent.push(new URLSearchParams(body));
      answer();
    });
  });
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  return {
    url: `http://127.0.0.1:${server.address().port}`,
    sent,
    /** Where the programme is. */
    listen(at) {
      goodword = at;
    },
    stop: () => new Promise((done) => {
      server.closeAllConnections();
      server.close(done);
    }),
  };
}
