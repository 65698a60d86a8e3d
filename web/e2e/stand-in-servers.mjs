// What the stand-in says about servers, credentials, who may use them, and terminals on them.

const MINUTE = 60_000
const before = (minutes) => new Date(Date.now() - minutes * MINUTE).toISOString()

export const FINGERPRINT = `SHA256:${'kX9vZ2mQ7rT4wY1pL6sD8fG3hJ5nB0cV'}${'aEiOuXyZ123'}`
export const OTHER = `SHA256:${'mN4bV7cX1zL9kJ2hG6fD8sA3pO5iU0yT'}${'rEwQ7654321'}`

const RIGHTS = ['connect', 'write', 'observe', 'upload', 'download', 'forward', 'execute', 'manage']

const NAMES = ['web-1', 'web-2', 'db-1', 'db-2', 'queue', '数据库备份', 'build', 'legacy-sun']

export function server(n, more = {}) {
  return {
    id: n + 1,
    name: n < NAMES.length ? NAMES[n] : `node-${n}`,
    host: `192.0.2.${(n % 250) + 1}`,
    port: n % 5 === 4 ? 2222 : 22,
    platform: n === 7 ? 'sunos' : 'linux',
    tags: [['web', 'prod'], ['web'], ['db', 'prod'], ['db']][n % 4],
    group: n % 3 ? 'Shanghai' : null,
    jump: n === 3 ? { id: 1, name: 'web-1' } : null,
    notes: n === 2 ? 'The main database. Ask before a restart.' : null,
    agent_port: null,
    brand_id: null,
    accelerator_id: null,
    legacy_algorithms: n === 7,
    agent_forwarding: false,
    ask_host_key: true,
    default_credential: n % 4 === 3 ? null : { id: 1, name: 'deploy' },
    credentials: [],
    status: ['online', 'online', 'online', 'offline', 'unknown'][n % 5],
    last_check: n % 5 === 4 ? null : before(2 + n * 7),
    created: before(60 * 24 * 3),
    may: { use: true, manage: true, redirect: true, rights: RIGHTS },
    ...more,
  }
}

export const servers = () => NAMES.map((_, n) => server(n))

export const credentials = () => [
  {
    ...{ id: 1, name: 'deploy', username: 'deploy', kind: 'key', used_by: ['server web-1', 'server db-1'] },
    set: { key: true, passphrase: true, password: false, certificate: false },
    public_key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB deploy',
    fingerprint: FINGERPRINT,
    created: before(9000),
    changed: before(500),
  },
  {
    ...{
      id: 2,
      name: 'root of databases',
      username: 'root',
      kind: 'keyboard_interactive',
      used_by: ['grant 2'],
    },
    set: { key: false, passphrase: false, password: true, certificate: false },
    ...{ public_key: null, fingerprint: null, created: before(800), changed: before(70) },
  },
  {
    ...{ id: 3, name: 'whoever asks', username: 'ops', kind: 'ask', used_by: [] },
    set: { key: false, passphrase: false, password: false, certificate: false },
    ...{ public_key: null, fingerprint: null, created: before(80), changed: before(7) },
  },
]

export const groups = () => [
  { id: 1, name: 'operators', members: [2, 3] },
  { id: 2, name: '值班', members: [] },
]

const granted = (id, more) => ({
  ...{ id, user_id: null, group_id: null, server_id: null, tag: null, server_group: null, everywhere: false },
  ...{ rights: ['connect', 'write', 'execute'], credential_ids: [], any_credential: false },
  ...{ times: [], networks: [], expires: null, request_id: null, created: before(500), created_by: 'admin' },
  ...more,
})

/** Two ways to reach something: by a role that may do everything, and by a group's grant. */
export const reach = ([first, second]) => [
  {
    who: { id: 1, name: first },
    rights: RIGHTS,
    because: [because({ role: 'admin', rights: RIGHTS })],
  },
  {
    who: { id: 2, name: second },
    rights: ['connect', 'write', 'execute'],
    because: [
      because({ grant_id: 1, group: 'web team', on: 'tag web', rights: ['connect', 'write', 'execute'] }),
    ],
  },
]

const because = (more) => ({
  ...{ role: null, grant_id: null, group: null, on: null, rights: [], credentials: null, holds: 'now' },
  ...{ networks: [], expires: null, request_id: null },
  ...more,
})

/** One that waits for an answer, one's own, and one that was approved. */
export const accessRequests = () =>
  [
    { state: 'open', user: { id: 2, name: 'grace' }, may: { decide: true, cancel: false } },
    { state: 'open', user: { id: 1, name: 'admin' }, may: { decide: false, cancel: true } },
    {
      ...{ state: 'approved', user: { id: 2, name: 'grace' }, may: { decide: false, cancel: false } },
      ...{ decided: before(5), decided_by: 'admin', decision: 'for now' },
    },
  ].map((more, at) => ({
    ...{ id: 3 - at, server: { id: 1, name: 'web-1' }, server_name: 'web-1', rights: ['connect', 'write'] },
    ...{ reason: 'a disk is full', created: before(9), until: before(-60), expires: before(-1000) },
    ...{ decided: null, decided_by: null, decision: null, grant_id: null },
    ...more,
  }))

export const grants = () => [
  granted(1, { group_id: 1, tag: 'web', credential_ids: [1] }),
  granted(2, { user_id: 2, server_id: 3, expires: before(-9000) }),
]

export const hostKey = { id: 1, algorithm: 'ssh-ed25519', fingerprint: FINGERPRINT, key: 'ssh-ed25519 AAAA' }

const FACTS = {
  ...{ system: 'Linux', release: 'Debian GNU/Linux 13 (trixie)', kernel: '6.12.1', machine: 'x86_64' },
  ...{ node: 'db-1', cores: 8, load: 0.52, uptime_seconds: 3_560_000 },
}

const disk = (mount, total, used) => ({
  ...{ mount, total, used, device: '/dev/sda1', available: total - used, percent: (100 * used) / total },
})

export const connections = () => [
  {
    ...{
      pool: 'terminals',
      id: 1,
      server: 'web-1',
      host: '192.0.2.1',
      port: 22,
      username: 'deploy',
      channels: 3,
    },
    ...{ since: before(190), idle_since: null, via: [] },
  },
  {
    ...{
      pool: 'commands',
      id: 4,
      server: 'db-2',
      host: '192.0.2.4',
      port: 22,
      username: 'root',
      channels: 0,
    },
    ...{ since: before(31), idle_since: before(4), via: ['web-1'] },
  },
]

export const hostAuthorities = () => [
  {
    ...{ id: 1, name: 'machines of the company', key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB' },
    ...{ fingerprint: FINGERPRINT, created: before(60 * 24 * 80), created_by: 'admin' },
  },
]

export const userAuthorities = () => [
  {
    ...{ id: 1, name: 'people of the company', key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC' },
    ...{ fingerprint: FINGERPRINT, created: before(60 * 24 * 70), created_by: 'admin' },
  },
]

/** An answer to a request about one server, or null when it is none of those. */
const file = (name, more = {}) => ({
  ...{ name, kind: 'file', leads_to: null, size: 48_211, modified: before(200), mode: 0o644, uid: 0, gid: 0 },
  ...more,
})
const directory = (name) => file(name, { kind: 'directory', size: 4096, mode: 0o755 })

export const files = () => [
  file('backup-2026-01-01.sql.gz', { size: 8_221_400_112, modified: before(60 * 30) }),
  directory('conf.d'),
  file('current', { kind: 'link', leads_to: 'directory', size: 9, mode: 0o777 }),
  file('notes\\x0awith a line.txt', { size: 0 }),
  file('postgres.conf', { mode: 0o640, uid: 105, gid: 112 }),
  directory('releases'),
  file('gone', { kind: 'link', size: 7, mode: 0o777 }),
  file('部署说明.md', { size: 2_048 }),
]

/** Names that a page must show in one line and take no harm from, among very many. */
export const oddFiles = () => [
  file(`\\xff\\xfe${'\\x0a'.repeat(60)}`),
  file('a'.repeat(255)),
  file('用'.repeat(85)),
  file('<img src=x onerror=alert(1)>&amp;'),
  file('x\\xe2\\x80\\xaegpj.exe'),
  file('Z\u0310\u0311\u0312\u0313\u0314'.repeat(12)),
  file('مرحبا-a-שלום.txt'),
  directory(' leading and trailing '),
  file('l'.repeat(200), { kind: 'link' }),
  ...Array.from({ length: 5000 }, (_, at) => file(`entry-${at}.log`, { size: at, modified: before(at) })),
]

function aboutFiles(world, path) {
  if (path.endsWith('/text')) {
    const text = 'listen_addresses = localhost\nport = 5432\n'
    return { status: 200, body: { text, etag: 'a', path: '/srv/db/postgres.conf' } }
  }
  if (path.endsWith('/mkdir')) return { status: 204 }
  if (path.endsWith('/uploads')) return { status: 409, kind: 'file_exists', body: 'it is there already' }
  const shown = world.files ?? files()
  return { status: 200, body: { path: '/srv/db', files: shown, next: null, truncated: false, free: 51e9 } }
}

export function aboutServer(world, method, path, body) {
  const [, , , , id, what] = path.split('/')
  const one = world.servers.find((server) => String(server.id) === id)
  if (id === 'import' || id === 'known-hosts') return report(body)
  if (!id) return method === 'POST' ? made(world, body) : null
  if (!one) return { status: 404, kind: 'not_found', body: 'no such server' }
  switch (what) {
    case undefined:
      if (method === 'DELETE') {
        world.servers = world.servers.filter((server) => server !== one)
        return { status: 204 }
      }
      return { status: 200, body: method === 'PATCH' ? Object.assign(one, body) : one }
    case 'host-keys':
      if (path.endsWith('/scan'))
        return { status: 200, body: { ...hostKey, accepted: !world.shown.fingerprint, ...world.shown } }
      return {
        status: 200,
        body: { items: [{ ...hostKey, first_seen: before(3000), accepted_by: 'admin' }], next: null },
      }
    case 'files':
      return aboutFiles(world, path)
    case 'check':
      one.status = 'online'
      one.last_check = before(0)
      return {
        status: 200,
        body: {
          status: 'online',
          reachable: { tcp: true, ssh: true, icmp: true },
          why: null,
          facts: FACTS,
        },
      }
    case 'execute':
      return {
        status: 200,
        body: {
          ...{ exit_status: 2, signal: null, timed_out: false, why: null, duration_ms: 41 },
          ...{ stdout: 'total 12\ndrwxr-xr-x 3 deploy deploy 4096 .\n', stderr: 'ls: /nowhere: not found\n' },
          ...{ stdout_bytes: 20_000_046, stderr_bytes: 24, stdout_sha256: 'ab', stderr_sha256: 'cd' },
          ...{ truncated: true, recording: '01900000-0000-7000-8000-000000000502' },
        },
      }
    case 'resources':
      return {
        status: 200,
        body: {
          cpu: 37.2,
          memory: { total: 16e9, available: 5e9, percent: 68.75 },
          disks: [disk('/', 200e9, 180e9), disk('/var/lib/postgresql', 900e9, 300e9)],
          errors: { disks: '/mnt/backup did not answer within 5 s' },
          facts: FACTS,
        },
      }
    case 'disconnect':
      return { status: 200, body: { connections: 1, sessions: 2 } }
    default:
      return { status: 204 }
  }
}

function made(world, body) {
  const one = server(world.servers.length, { ...body, id: 100, status: 'unknown', last_check: null })
  if (world.servers.some(({ name }) => name === body.name))
    return { status: 409, kind: 'name_taken', body: `there is a server ${body.name} already` }
  world.servers.push(one)
  return { status: 201, body: one }
}

function report({ dry_run }) {
  return {
    status: 200,
    body: {
      created: ['app-1', 'app-2'],
      changed: ['web-1'],
      unchanged: 5,
      skipped: [{ line: 9, name: '*.example', why: 'a pattern names no server' }],
      dry_run,
    },
  }
}

/** A terminal on a server: what is said to it after the first screen. */
export function terminalSays(socket, messages, text = '') {
  const snapshot = Buffer.alloc(13)
  snapshot.writeUInt8(2, 0)
  snapshot.writeUInt16BE(80, 9)
  snapshot.writeUInt16BE(24, 11)
  socket.send(
    JSON.stringify({ type: 'hello', session: 's', pos: 0, resumed: false, write: true, input: null }),
  )
  socket.send(Buffer.concat([snapshot, Buffer.from(text)]))
  for (const message of messages) socket.send(JSON.stringify(message))
}

const inTwoMinutes = () => new Date(Date.now() + 50_000).toISOString()

export const prompt = (kind, more = {}) => ({
  type: 'prompt',
  prompt_id: `0190000${['host_key', 'password', 'question'].indexOf(kind)}-0000-7000-8000-000000000000`,
  kind,
  server: 'db-1',
  text: kind === 'question' ? 'One-time code (6 digits):' : '',
  echo: kind === 'question',
  expires: inTwoMinutes(),
  key:
    kind === 'host_key'
      ? { host: '192.0.2.3', port: 22, algorithm: 'ssh-ed25519', fingerprint: FINGERPRINT, key: 'x' }
      : null,
  ...more,
})
