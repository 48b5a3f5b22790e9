// Another system of the company, which takes webhooks: every request that came, answered as it is told.

import http from 'node:http';
import { waitFor } from './server.mjs';

/** Starts it on a free port of 127.0.0.1. */
export async function startReceiver() {
  const hits = [];
  const answers = [];
  const server = http.createServer((request, response) => {
    const chunks = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      hits.push({ headers: request.headers, url: request.url, body: Buffer.concat(chunks).toString('utf8') });
      const { status, body } = answers.shift() ?? { status: 200, body: 'ok' };
      response.writeHead(status, { 'content-type': 'text/plain' });
      response.end(body);
    });
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${server.address().port}/hooks`,

    /** How the next request is answered. */
    answer: (status, body) => answers.push({ status, body }),

    /** The next request that comes, or has come. */
    next: () => waitFor(() => hits.shift(), () => 'no request has come'),

    stop: () => new Promise((resolve) => server.close(resolve)),
  };
}
