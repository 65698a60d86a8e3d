// Many viewers, slow viewers, and pastes that nobody reads.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Daemon } from './daemon.mjs';

const RESTART = /\x1bc|\x1b\[0m\x1b\[H\x1b\[2J/;

/** Every stretch between restarts counts up without a gap; the last ends at `last`. Returns the restarts. */
function checkNumbered(output, last) {
  const pieces = output.split(RESTART);
  let end;
  for (const piece of pieces) {
    end = undefined;
    for (const [, digits] of piece.matchAll(/L(\d{9}) /g)) {
      const number = Number(digits);
      if (end !== undefined) assert.equal(number, end + 1, `lost silently after ${end}`);
      end = number;
    }
  }
  assert.equal(end, last);
  return pieces.length - 1;
}

test('twelve viewers on six connections see the same', async (t) => {
  const daemon = await Daemon.start(t);
  const first = await daemon.connect();
  const sessions = [await first.create({ shell: '/bin/sh' }), await first.create({ shell: '/bin/sh' })];
  const clients = await Promise.all(Array.from({ length: 6 }, () => daemon.connect()));
  for (const session of sessions) {
    await Promise.all(clients.map((client) => client.attach(session)));
    await first.input(session, `echo of-${session}-$((40 + 2)); exit ${session}\n`);
  }
  for (const session of sessions) {
    for (const client of clients) {
      await client.waitOutput(session, `of-${session}-42`);
      assert.equal((await client.waitExit(session)).code, session);
    }
  }
});

test('a slow reader of 30 MB: nobody else is slowed for long, nothing is lost silently', async (t) => {
  const daemon = await Daemon.start(t);
  const lines = 500_000;
  const program = daemon.script(
    `stty -echo; read go; seq -f 'L%09.0f ${'-'.repeat(47)}' 1 ${lines}; printf flood-done; read x; exit 6`,
  );
  const fast = await daemon.connect();
  const session = await fast.create({ shell: program });
  const slow = await daemon.connect();
  await slow.attach(session);
  slow.forget(session);
  slow.pause();
  await fast.attach(session);
  fast.forget(session);
  await fast.input(session, 'go\n');
  await fast.waitOutput(session, 'flood-done', 40_000);
  checkNumbered(fast.text(session), lines);
  slow.resume();
  await slow.waitOutput(session, 'flood-done', 40_000);
  assert.ok(checkNumbered(slow.text(session), lines) >= 1, 'it must have been re-synced');
  assert.equal((await slow.attach(session)).content, (await fast.attach(session)).content);
});

test('a paste into a program that does not read does not stop other sessions', async (t) => {
  const daemon = await Daemon.start(t, { RUST_PTY_INPUT_QUEUE_MAX_BYTES: '1000000' });
  const client = await daemon.connect();
  const deaf = await client.create({ shell: daemon.script('stty raw -echo; printf deaf-; exec sleep 1000') });
  await client.attach(deaf);
  await client.waitOutput(deaf, 'deaf-');
  const other = await daemon.connect();
  const session = await other.create({ shell: '/bin/sh' });
  await other.attach(session);
  await client.input(deaf, Buffer.alloc(900_000, 'x'));
  await assert.rejects(client.input(deaf, Buffer.alloc(900_000, 'y')), (error) => {
    assert.equal(error.code, 'LIMIT_REACHED');
    assert.match(error.message, /input queue limit exceeded for session \d+ \(\d+ > 1000000\)/);
    return true;
  });
  const begun = Date.now();
  await other.input(session, 'echo quick-$((40 + 2))\n');
  await other.waitOutput(session, 'quick-42');
  assert.ok(Date.now() - begun < 1000);
});

test('backpressure warnings come only after an ack', async (t) => {
  const daemon = await Daemon.start(t, { RUST_PTY_FLOW_THRESHOLD: '2', RUST_PTY_FLOW_MAX_QUEUE_SIZE: '4' });
  const [silent, acking] = [await daemon.connect(), await daemon.connect()];
  const session = await silent.create({ shell: daemon.script('read go; seq 1 900000; printf end-; read x') });
  await silent.attach(session);
  await acking.attach(session);
  acking.post('ack', { session, count: 1 });
  await acking.call('list');
  silent.pause();
  acking.pause();
  const typist = await daemon.connect();
  await typist.input(session, 'go\n');
  // The program is at its end only when both have been given up on: that takes the two seconds.
  await typist.attach(session);
  await typist.waitOutput(session, 'end-', 40_000);
  silent.resume();
  acking.resume();
  const isWarning = (event) => event.type === 'backpressure_warning';
  const warning = await acking.waitEvent(isWarning, 'a warning');
  assert.equal(warning.session, session);
  assert.ok(['yellow', 'red'].includes(warning.level));
  assert.equal(typeof warning.queue_size, 'number');
  await silent.waitOutput(session, 'end-', 40_000);
  assert.equal(silent.events.filter(isWarning).length, 0);
});
