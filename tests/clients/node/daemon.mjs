// One daemon per test: started on a directory of its own, ended by its process id.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Client, DEADLINE } from './ptyd-client.mjs';

const REPOSITORY = fileURLToPath(new URL('../../..', import.meta.url));
const BINARY = process.env.BASTIDE_BIN ?? join(REPOSITORY, 'target/debug/bastide');
const FOREIGN = /^(RUST_PTY_|BASTIDE_|XDG_|RUST_LOG|NOTIFY_SOCKET|LISTEN_)/;

/** Waits for a fact outside the wire; returns its true value. */
export async function waitUntil(fact, what) {
  const end = Date.now() + DEADLINE;
  for (;;) {
    const value = await fact();
    if (value) return value;
    if (Date.now() > end) throw new Error(`not in ${DEADLINE} ms: ${what}`);
    await delay(10);
  }
}

export class Daemon {
  /** Starts a daemon that ends with the test `t`. */
  static async start(t, environment = {}) {
    const daemon = new Daemon();
    t.after(() => daemon.cleanUp());
    await daemon.launch(environment);
    return daemon;
  }

  constructor() {
    // Short: a unix socket path has at most 107 bytes.
    this.directory = mkdtempSync(join(tmpdir(), 'bastide-'));
    this.socket = join(this.directory, 'run', 'ptyd.sock');
    this.tokenFile = join(this.directory, 'run', 'ptyd.token');
    this.clients = [];
    mkdirSync(join(this.directory, 'home'));
  }

  async launch(environment) {
    const kept = Object.entries(process.env).filter(([name]) => !FOREIGN.test(name));
    const home = join(this.directory, 'home');
    const env = { ...Object.fromEntries(kept), HOME: home, LC_ALL: 'C.UTF-8', ...environment };
    const log = openSync(join(this.directory, 'log'), 'a');
    const state = join(this.directory, 'state');
    this.process = spawn(
      BINARY,
      ['ptyd', '--socket', this.socket, '--token-file', this.tokenFile, '--state-dir', state],
      { cwd: this.directory, env, detached: true, stdio: ['ignore', log, log] },
    );
    closeSync(log);
    this.ended = once(this.process, 'exit');
    await waitUntil(() => this.#ready(), 'the daemon takes connections');
  }

  async #ready() {
    if (this.process.exitCode !== null) throw new Error(`the daemon ended: ${this.log()}`);
    try {
      (await Client.connect(this.socket)).close();
      return this.token.length === 64;
    } catch {
      return false;
    }
  }

  get token() {
    return readFileSync(this.tokenFile, 'utf8').trim();
  }

  log() {
    return readFileSync(join(this.directory, 'log'), 'utf8');
  }

  /** A connection without handshake. */
  async open() {
    const client = await Client.connect(this.socket);
    this.clients.push(client);
    return client;
  }

  /** A connection after its handshake. */
  async connect(options) {
    const client = await this.open();
    client.welcome = await client.handshake(this.token, options);
    return client;
  }

  /** An executable shell script, for `shell`. */
  script(text, name = 'program') {
    const path = join(this.directory, name);
    writeFileSync(path, `#!/bin/sh\n${text}\n`, { mode: 0o700 });
    return path;
  }

  async stop(signal = 'SIGTERM') {
    this.process.kill(signal);
    const [code] = await this.ended;
    return code;
  }

  async cleanUp() {
    for (const client of this.clients) client.close();
    if (this.process?.exitCode === null && this.process.signalCode === null) {
      const hard = setTimeout(() => this.process.kill('SIGKILL'), 5000);
      await this.stop();
      clearTimeout(hard);
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}
