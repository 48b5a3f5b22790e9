"""A mail server for tests, on a free port of 127.0.0.1; it ends when its standard input does.

It prints `{"port": ...}` and then a line of JSON for every message it has got. What the recipient is called decides how
it behaves:

  refused...   550 to the recipient
  later...     451 to the recipient, the first time
  busy...      451 to the recipient, every time
  slow...      answers after half a minute
  paced...     answers after some milliseconds
  cut...       hangs up in the middle of the first message
  silent...    takes the first message and hangs up without a word
"""

import argparse
import asyncio
import base64
import email
import email.policy
import json
import logging
import os
import ssl
import sys
import threading
import warnings

from aiosmtpd.smtp import SMTP, AuthResult

# What goes wrong here is meant to.
logging.disable(logging.CRITICAL)
warnings.simplefilter("ignore")

parser = argparse.ArgumentParser()
parser.add_argument("--cert")
parser.add_argument("--key")
parser.add_argument("--user")
parser.add_argument("--password")
options = parser.parse_args()

seen = set()


def first_time(address):
    known = address in seen
    seen.add(address)
    return not known


def say(what):
    print(json.dumps(what), flush=True)


def part(message, kind):
    found = message.get_body(preferencelist=(kind,))
    return found.get_content() if found else None


class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.startswith("refused"):
            return "550 5.1.1 no such mailbox here"
        if address.startswith("busy") or (address.startswith("later") and first_time(address)):
            return "451 4.7.1 try again later"
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server, session, envelope):
        address = envelope.rcpt_tos[0]
        if address.startswith("slow"):
            await asyncio.sleep(30)
        if address.startswith("paced"):
            await asyncio.sleep(0.02)
        raw = envelope.original_content
        message = email.message_from_bytes(raw, policy=email.policy.default)
        say({
            "sender": envelope.mail_from,
            "recipient": address,
            "headers": {name.lower(): str(value) for name, value in message.items()},
            "type": message.get_content_type(),
            "text": part(message, "plain"),
            "html": part(message, "html"),
            "raw": base64.b64encode(raw).decode(),
            "encrypted": session.ssl is not None,
            "user": session.auth_data.login.decode() if session.auth_data else None,
        })
        if address.startswith("silent") and first_time(address):
            server.transport.abort()
        return "250 OK"


class Peer(SMTP):
    async def smtp_DATA(self, arg):
        address = (self.envelope.rcpt_tos or [""])[0]
        if address.startswith("cut") and first_time(address):
            await self.push("354 go on")
            await self._reader.readline()
            self.transport.abort()
            return
        await super().smtp_DATA(arg)


def authenticate(server, session, envelope, mechanism, data):
    right = (options.user.encode(), options.password.encode())
    return AuthResult(success=(data.login, data.password) == right, auth_data=data, handled=False)


async def main():
    more = {}
    if options.cert:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(options.cert, options.key)
        more.update(tls_context=context, require_starttls=True)
    if options.user:
        more.update(auth_required=True, authenticator=authenticate, auth_require_tls=bool(options.cert))
    loop = asyncio.get_running_loop()
    listening = await loop.create_server(
        lambda: Peer(Handler(), hostname="mailbox", enable_SMTPUTF8=True, loop=loop, **more), "127.0.0.1", 0
    )
    say({"port": listening.sockets[0].getsockname()[1]})
    await listening.serve_forever()


def end_with_parent():
    sys.stdin.buffer.read()
    os._exit(0)


threading.Thread(target=end_with_parent, daemon=True).start()
asyncio.run(main())
