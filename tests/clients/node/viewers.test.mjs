// Numbered viewers: positions and credit as JavaScript numbers, resume, re-sync.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Daemon } from './daemon.mjs';

const capabilities = ['viewers', 'events', 'spec'];

/** Attaches a viewer and follows it; every output must begin where the one before ended. */
async function view(client, session, viewer, { credit = 65536, ...fields } = {}) {
  const reply = await client.call('attach', { session, viewer, credit, ...fields });
  const state = { snapshot: reply.snapshot, pos: reply.pos, acked: reply.pos, text: '', lagged: 0 };
  const mine = (event) => event.viewer === viewer && event.session === session;
  state.next = async () => {
    const event = await client.waitEvent(mine, `event of viewer ${viewer}`);
    if (event.type === 'output') {
      assert.equal(event.pos, state.pos);
      state.text += Buffer.from(event.data).toString('latin1');
      state.pos += event.data.length;
      assert.ok(state.pos - state.acked <= credit, 'credit is never exceeded');
    } else if (event.type === 'lagged') {
      state.lagged += 1;
    } else if (event.type === 'resync') {
      state.pos = state.acked = event.snapshot.pos;
      state.text = Buffer.from(event.snapshot.restore).toString('latin1');
    }
    return event;
  };
  state.ack = () => {
    state.acked = state.pos;
    client.post('ack', { session, viewer, pos: state.pos });
  };
  state.waitText = async (text) => {
    while (!state.text.includes(text)) {
      await state.next();
      state.ack();
    }
  };
  return state;
}

test('positions, credit and resume', async (t) => {
  const daemon = await Daemon.start(t);
  const client = await daemon.connect({ capabilities });
  assert.deepEqual([...client.welcome.capabilities].sort(), [...capabilities].sort());
  assert.match(client.welcome.instance, /^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  const program = daemon.script('stty raw -echo; head -c 1 >/dev/null; printf ready-; exec cat');
  const { session } = await client.call('create', { shell: program });
  const first = await view(client, session, 1, { write: true });
  await client.call('input', { session, viewer: 1, data: Buffer.from('\n') });
  // What is typed before the echo is off comes twice.
  await first.waitText('ready-');
  await client.call('input', { session, viewer: 1, data: Buffer.from('one') });
  await first.waitText('one');

  const other = await daemon.connect({ capabilities });
  const gone = await view(other, session, 4);
  other.close();
  await client.call('input', { session, viewer: 1, data: Buffer.from('two') });
  await first.waitText('two');
  const back = await view(client, session, 5, { from: gone.pos });
  assert.equal(back.snapshot ?? null, null);
  await back.waitText('two');
  assert.equal(back.text, 'two');
  await assert.rejects(client.call('input', { session, viewer: 5, data: 'x' }), { code: 'READ_ONLY' });
});

test('a viewer without credit lags, is told, and is re-synced', async (t) => {
  const daemon = await Daemon.start(t);
  const client = await daemon.connect({ capabilities });
  const program = daemon.script('stty raw -echo; head -c 1 >/dev/null; seq 1 800000; printf end-; exec cat');
  const { session } = await client.call('create', { shell: program });
  const slow = await view(client, session, 1, { write: true, credit: 5000 });
  const live = await view(client, session, 2, { write: true });
  await client.call('input', { session, viewer: 2, data: 'g' });
  await live.waitText('end-');
  assert.equal(live.lagged, 0);
  while (slow.lagged === 0) await slow.next();
  assert.ok(slow.pos - slow.acked <= 5000);
  slow.ack();
  await slow.waitText('end-');
});
