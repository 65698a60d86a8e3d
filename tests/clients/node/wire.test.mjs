// Requests, replies and errors, as a JavaScript client sends and sees them.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { encode } from '@msgpack/msgpack';
import { Daemon, waitUntil } from './daemon.mjs';
import { frame, framed, Frames } from './ptyd-client.mjs';

/** The promise must be refused with this code (and message). */
const refused = (promise, code, message) =>
  assert.rejects(promise, (error) => {
    assert.equal(error.code, code);
    if (message !== undefined) assert.equal(error.message, message);
    return true;
  });

test('own codec: frames in single bytes', () => {
  const frames = new Frames();
  const seen = [];
  for (const byte of Buffer.concat([frame({ type: 'a', seq: 1 }), frame({ data: Buffer.from([0, 255]) })])) {
    frames.feed(Buffer.from([byte]));
    seen.push(...frames.take());
  }
  assert.deepEqual(seen[0], { type: 'a', seq: 1 });
  assert.deepEqual([...seen[1].data], [0, 255]);
});

test('handshake, wrong version, wrong token and retry, twice', async (t) => {
  const daemon = await Daemon.start(t);
  const client = await daemon.open();
  await refused(client.call('list'), 'NOT_AUTHENTICATED', 'Send Handshake first');
  await refused(
    client.handshake(daemon.token, { protocol_version: 9 }),
    'PROTOCOL_MISMATCH',
    'Protocol version mismatch: expected 1, got 9',
  );
  const second = await daemon.open();
  await refused(second.handshake('wrong'), 'AUTH_FAILED', 'Invalid token');
  const welcome = await second.handshake(daemon.token);
  assert.equal(welcome.protocol_version, 1);
  assert.equal(welcome.daemon_pid, daemon.process.pid);
  assert.match(welcome.daemon_version, /^\d+\.\d+\.\d+/);
  await refused(second.handshake(daemon.token), 'ALREADY_AUTHENTICATED');
  await refused((await daemon.open()).handshake(daemon.token, { role: 'control' }), 'INVALID_HANDSHAKE');
});

test('create, list, attach, input, output, resize', async (t) => {
  const daemon = await Daemon.start(t);
  const client = await daemon.connect({ client_id: 'node' });
  const session = await client.create({ shell: '/bin/sh', env: { GREETING: 'hello' }, cols: 100, rows: 30 });
  const info = (await client.sessions()).get(session);
  assert.equal(info.is_alive, true);
  assert.match(info.pts, /^\/dev\/pts\/\d+$/);
  assert.match(info.created_at, /^\d+$/);
  assert.match(info.last_attached_at, /^\d+$/);

  const snapshot = await client.attach(session);
  assert.deepEqual([snapshot.cols, snapshot.rows], [100, 30]);
  assert.equal(snapshot.modes.cursor_visible, true);
  assert.ok(snapshot.content.startsWith('\x1b[0m\x1b[H\x1b[2J'));
  await client.input(session, 'echo "<$GREETING> $(stty size)."\n');
  await client.waitOutput(session, '<hello> 30 100.');
  await client.call('resize', { session, cols: 132, rows: 43 });
  await client.input(session, 'echo "now $(stty size)."\n');
  await client.waitOutput(session, 'now 43 132.');
});

test('options that are undefined travel as nil and mean the defaults', async (t) => {
  const daemon = await Daemon.start(t);
  const client = await daemon.connect();
  const session = await client.create();
  const snapshot = await client.attach(session);
  assert.deepEqual([snapshot.cols, snapshot.rows], [80, 24]);
});

test('initial commands, cwd, and their errors', async (t) => {
  const daemon = await Daemon.start(t);
  const client = await daemon.connect();
  const session = await client.create({ cwd: '/usr', shell: '/bin/sh', initial_commands: ['echo "in $(pwd)."'] });
  await client.attach(session);
  await client.waitOutput(session, 'in /usr.');
  await assert.rejects(client.create({ cwd: '/no/such/place' }), /\/no\/such\/place/);
  await assert.rejects(client.create({ shell: '/no/such/shell' }), /\/no\/such\/shell/);
  await refused(
    client.create({ cols: 0 }),
    'INVALID_ARGUMENT',
    'Invalid argument: terminal size must have cols > 0 and rows > 0',
  );
  assert.equal((await client.sessions()).size, 1);
});

test('input as bin, string and array', async (t) => {
  const daemon = await Daemon.start(t);
  const client = await daemon.connect();
  const session = await client.create({ shell: daemon.script('stty raw -echo; printf ready-; exec cat') });
  await client.attach(session);
  await client.waitOutput(session, 'ready-');
  for (const data of [Buffer.from('one'), 'twö', [116, 104, 0, 255]]) {
    await client.call('input', { session, data });
  }
  await client.waitOutput(session, `one${Buffer.from('twö').toString('latin1')}th\x00\xff`);
});

test('signals by any name, to the foreground job', async (t) => {
  const daemon = await Daemon.start(t);
  const client = await daemon.connect();
  // A home of its own: somebody's profile may take seconds.
  const session = await client.create({ shell: '/bin/bash', env: { HOME: daemon.directory } });
  await client.attach(session);
  for (const [signal, status] of [['SIGINT', 130], ['term', 143], ['Kill', 137]]) {
    // The job itself says that it runs: then it is in the foreground.
    await client.input(session, `sh -c 'echo up-$((40 + 2))-${status}; exec sleep 1000'\n`);
    await client.waitOutput(session, `up-42-${status}`);
    await client.call('signal', { session, signal });
    await client.input(session, 'echo st-$?-\n');
    await client.waitOutput(session, `st-${status}-`);
  }
  await refused(client.call('signal', { session, signal: 'SIGFOO' }), 'INVALID_SIGNAL', 'unknown signal: SIGFOO');
});

test('exit by itself, and for who attaches afterwards', async (t) => {
  const daemon = await Daemon.start(t);
  const client = await daemon.connect();
  const session = await client.create({ shell: '/bin/sh' });
  await client.attach(session);
  await client.input(session, 'echo last-$((40 + 2)); exit 7\n');
  const exit = await client.waitExit(session);
  assert.equal(exit.code, 7);
  assert.equal(exit.signal ?? null, null);
  assert.ok(client.text(session).includes('last-42'));
  const late = await daemon.connect();
  assert.ok((await late.attach(session)).content.includes('last-42'));
  assert.equal((await late.waitExit(session)).code, 7);
});

test('kill, kill_all, detach', async (t) => {
  const daemon = await Daemon.start(t);
  const client = await daemon.connect();
  const session = await client.create({ shell: '/bin/sh' });
  await client.attach(session);
  assert.equal((await client.call('kill', { session })).session, session);
  assert.equal((await client.sessions()).size, 0);
  const { code, signal } = await client.waitExit(session);
  assert.deepEqual([code, signal], [137, 9]);
  await client.create({ shell: '/bin/sh' });
  await client.create({ shell: '/bin/sh' });
  assert.equal((await client.call('kill_all')).count, 2);
  assert.equal((await client.call('detach', { session: 999 })).type, 'ok');
  await refused(client.attach(999), 'NOT_FOUND', 'Session 999 not found');
  await refused(client.call('kill', { session: 999 }), 'NOT_FOUND', 'Not found: session 999');
});

test('two sockets: control and stream', async (t) => {
  const daemon = await Daemon.start(t);
  const control = await daemon.connect({ client_id: 'tab', role: 'control' });
  const session = await control.create({ shell: '/bin/sh' });
  await refused(control.attach(session), 'STREAM_NOT_CONNECTED');
  const stream = await daemon.connect({ client_id: 'tab', role: 'stream' });
  await refused(stream.call('list'), 'WRONG_CHANNEL');
  await control.attach(session);
  await control.input(session, 'echo via-$((40 + 2))\n');
  await stream.waitOutput(session, 'via-42');
  assert.ok(!control.text(session).includes('via-42'));
});

test('frames that are wrong end their own connection only', async (t) => {
  const daemon = await Daemon.start(t);
  const witness = await daemon.connect();
  const session = await witness.create({ shell: '/bin/sh' });
  await witness.attach(session);
  const wrong = [
    Buffer.from([0xff, 0xff, 0xff, 0xff]),
    Buffer.alloc(4),
    framed(Buffer.from([0xc1])),
    framed(encode([1, 2])),
    frame({ type: 'list', seq: 1.5 }),
    frame({ type: 'list' }),
  ];
  for (const bytes of wrong) {
    const client = await daemon.connect();
    client.socket.write(bytes);
    await client.waitClosed();
  }
  const client = await daemon.connect();
  client.socket.write(frame({ type: 'create', seq: 70, cols: 65536 }));
  assert.equal((await client.reply(70)).type, 'error');
  await witness.input(session, 'echo well-$((40 + 2))\n');
  await witness.waitOutput(session, 'well-42');
});

test('the daemon ends its sessions and itself on SIGTERM', async (t) => {
  const daemon = await Daemon.start(t);
  const client = await daemon.connect();
  const session = await client.create();
  const { pid } = (await client.sessions()).get(session);
  const begun = Date.now();
  assert.equal(await daemon.stop(), 0);
  assert.ok(Date.now() - begun < 2000);
  const gone = () => {
    try {
      process.kill(pid, 0);
      return false;
    } catch {
      return true;
    }
  };
  await waitUntil(gone, 'the end of the shell');
});
