// A server that is not there: the built page with made-up answers of /api/v1, for what a real one cannot be
// brought to in a test (a thousand terminals, a server that stops, the same picture every time).

import { readFile } from 'node:fs/promises'
import { extname, join } from 'node:path'
import { aboutFactors, CODE, OFFER, ownFactors, secondFactorNeeded } from './stand-in-factors.mjs'
import { aboutRules, alerts, closedReviews, reviews, ruleVersions, verdicts } from './stand-in-rules.mjs'
import {
  aboutServer,
  accessRequests,
  connections,
  credentials,
  grants,
  groups,
  hostAuthorities,
  reach,
  servers,
  terminalSays,
  userAuthorities,
} from './stand-in-servers.mjs'
import { aboutSettings, ownSettings, sessionSettings } from './stand-in-settings.mjs'

const DIST = join(import.meta.dirname, '../dist')
const TYPES = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.svg': 'image/svg+xml' }
export const ADDRESS = 'http://bastide.test'
const MINUTE = 60_000

const uid = (n) => `01900000-0000-7000-8000-${String(n).padStart(12, '0')}`
const before = (minutes) => new Date(Date.now() - minutes * MINUTE).toISOString()
const after = (minutes) => before(-minutes)

const PEOPLE = [
  { username: 'admin', display_name: 'Administrator', role: 'admin', account: 'admin' },
  { username: 'ops', display_name: null, role: 'user', account: 'build' },
  { username: 'night.shift', display_name: '夜班', role: 'user', account: null },
  { username: 'old-ops', display_name: null, role: 'admin', account: 'ops', enabled: false },
].map((person, index) => ({
  id: index + 1,
  uid: uid(900 + index),
  enabled: true,
  password_set: person.username !== 'night.shift',
  single_sign_on: person.username === 'ops',
  second_factor: person.username === 'ops',
  created: before(60 * 24 * 40),
  last_login: person.username === 'night.shift' ? null : before(7 + index * 300),
  ...person,
}))

const PROGRAMS = [
  { command: ['/bin/bash'], name: null, title: 'admin@host: ~/bastide', cwd: '/home/admin/bastide' },
  {
    command: ['/usr/bin/vim', 'main.rs'],
    name: null,
    title: 'main.rs - VIM',
    cwd: '/home/admin/bastide/src',
  },
  { command: ['/usr/bin/make', 'test'], name: 'nightly build', title: null, cwd: '/srv/build' },
  { command: ['/usr/bin/htop'], name: null, title: 'htop', cwd: '/' },
  { command: ['/bin/zsh'], name: '数据库迁移', title: 'psql prod', cwd: '/srv/db' },
]

export function session(n, more = {}) {
  const program = PROGRAMS[n % PROGRAMS.length]
  return {
    uid: uid(n),
    state: 'running',
    created: before(3 + n * 17),
    pid: 1000 + n,
    cols: 120,
    rows: 32,
    account: n % 3 === 2 ? 'build' : 'admin',
    user: null,
    owner: { id: 1 + (n % 2), username: n % 2 ? 'ops' : 'admin' },
    access: 'admin',
    viewers: Array.from({ length: n % 4 }, () => ({ write: true, lagged: false, client: null })),
    recording: { state: 'recording', reason: null },
    exit: null,
    ...program,
    ...more,
  }
}

export function recording(n, more = {}) {
  const { name, command } = PROGRAMS[n % PROGRAMS.length]
  return {
    id: uid(500 + n),
    name,
    command,
    owner: { id: 1, username: n % 2 ? 'ops' : 'admin' },
    account: n % 2 ? 'build' : 'admin',
    started: before(25 + n * 190),
    ended: before(20 + n * 190),
    duration_ms: 61_000 + n * 83_000,
    cols: 100,
    rows: 28,
    bytes: 4_096 + n * 91_337,
    state: ['closed', 'closed', 'closed', 'lost', 'failed'][n % 5],
    exit: { code: 0, signal: null },
    ...more,
  }
}

/** A cast with colours, a long pause and a marker. */
export function cast() {
  const lines = ['{"version":3,"term":{"cols":100,"rows":28},"timestamp":1700000000}']
  const put = (after, code, data) => lines.push(JSON.stringify([after, code, data]))
  put(0.3, 'o', '\x1b[32madmin@host\x1b[0m:\x1b[34m~/bastide\x1b[0m$ ')
  for (const letter of 'cargo test') put(0.09, 'o', letter)
  put(0.4, 'o', '\r\n')
  put(0.6, 'o', '   \x1b[1;32mCompiling\x1b[0m bastide v0.1.0\r\n')
  put(40, 'o', '    \x1b[1;32mFinished\x1b[0m in 39.98s\r\n')
  put(0, 'm', 'tests begin')
  for (let n = 1; n <= 18; n++) put(0.2, 'o', `test part_${n} ... \x1b[32mok\x1b[0m\r\n`)
  put(0.2, 'o', '\r\ntest result: \x1b[32mok\x1b[0m. 18 passed; 0 failed  中文 ✓\r\n')
  put(0.3, 'o', '\x1b[32madmin@host\x1b[0m:\x1b[34m~/bastide\x1b[0m$ ')
  return `${lines.join('\n')}\n`
}

const problem = (status, kind, detail, headers = {}, more = {}) => ({
  status,
  headers: { 'content-type': 'application/problem+json', ...headers },
  body: JSON.stringify({
    type: `urn:bastide:problem:${kind}`,
    title: kind,
    status,
    detail,
    error: detail,
    ...more,
    request_id: '0190abcdef',
  }),
})
const json = (body, status = 200) => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
})
const none = { status: 204 }

export class StandIn {
  me = 'admin'
  password = 'correct horse battery'
  rights = [
    ...['session_create', 'user_list', 'server_create', 'server_import', 'server_export'],
    ...[
      'credential_list',
      'credential_create',
      'grant_list',
      'grant_create',
      'server_access_read',
      'access_read',
      'access_request_list',
      'connection_list',
      'connection_end',
    ],
    ...['host_authority_list', 'host_authority_create', 'host_authority_remove'],
    ...['user_authority_list', 'user_authority_create', 'user_authority_remove'],
    ...['session_settings_read', 'session_settings_change'],
    ...['rules_read', 'rules_change', 'rules_try', 'review_list', 'review_decide', 'alert_list'],
  ]
  servers = servers()
  credentials = credentials()
  groups = groups()
  grants = grants()
  requests = accessRequests()
  connections = connections()
  /** Whether the session daemon's are among them. */
  told = 'listed'
  authorities = hostAuthorities()
  ruleVersions = ruleVersions()
  sessionSettings = sessionSettings()
  ownSettings = ownSettings()
  reviews = []
  closedReviews = []
  alerts = alerts(uid)
  verdicts = []
  /** What the key of a server is when it is looked at, where it is not the accepted one. */
  shown = {}
  /** What a terminal is told after its first screen, and what is on it. */
  says = []
  screen = ''
  users = structuredClone(PEOPLE)
  /** What the button of single sign-on is called. */
  provider = null
  identities = [
    {
      ...{ id: 1, issuer: 'https://id.example.org/realms/staff', name: 'ops@example.org', linked_by: null },
      ...{
        subject: 'f3c1b2a4-0d5e-4f6a-8b7c-9d0e1f2a3b4c',
        created: before(60 * 24 * 9),
        last_used: before(90),
      },
    },
  ]
  sessions = [0, 1, 2, 3, 4].map((n) => session(n))
  recordings = Array.from({ length: 12 }, (_, n) => recording(n))
  tokens = [
    {
      name: 'backup job',
      scope: 'read',
      hint: 'bst_4f1c09aa',
      expires: after(60 * 24 * 20),
      last_used: before(9),
    },
    { name: 'laptop', scope: 'full', hint: 'bst_90be77d1', expires: null, last_used: null },
  ].map((token, index) => ({ id: uid(700 + index), user_id: 1, created: before(90 + index), ...token }))
  logins = [true, false].map((current, index) => ({
    id: uid(800 + index),
    kind: 'cookie',
    scope: 'full',
    created: before(30 + index * 3000),
    expires: after(60 * 24 * 6),
    address: index ? '192.0.2.17' : '127.0.0.1',
    agent: index
      ? 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1'
      : 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0',
    current,
  }))
  sshKeys = [
    {
      ...{ id: uid(850), name: 'laptop', algorithm: 'ssh-ed25519', key: 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5' },
      ...{ fingerprint: 'SHA256:pYh2Wv3mJ0yq', created: before(90), last_used: before(9) },
    },
  ]
  factors = ownFactors()
  /** By what the second step of logging in can be taken; null: there is none. */
  secondFactor = null
  waiting = null
  /** What to answer instead, by `METHOD /path`. */
  instead = new Map()
  /** What to wait for before an answer, by `METHOD /path`. */
  held = new Map()
  asked = []
  #sockets = new Set()

  async install(context) {
    await context.route(`${ADDRESS}/**`, (route) => this.#answer(route))
    await context.routeWebSocket(/\/api\/v1\/events$/, (socket) => {
      this.#sockets.add(socket)
      socket.onClose(() => this.#sockets.delete(socket))
      socket.send(JSON.stringify({ type: 'sessions', sessions: this.sessions, waiting: this.waiting }))
    })
    await context.routeWebSocket(/\/api\/pty\/sessions\/[^/]+\/ws/, (socket) => {
      socket.onMessage((message) => {
        const said = typeof message === 'string' ? JSON.parse(message) : null
        if (said?.type === 'ping') socket.send(JSON.stringify({ type: 'pong', t: said.t }))
        else if (said) this.heard.push(said)
        if (said?.type === 'prompt_reply')
          socket.send(JSON.stringify({ type: 'prompt_closed', prompt_id: said.prompt_id }))
      })
      terminalSays(socket, this.says, this.screen)
    })
  }

  /** What pages have said to their terminals. */
  heard = []

  /** Something waits for a second person, closed ones are there, and a session has been judged. */
  judge() {
    this.reviews = reviews(uid)
    this.closedReviews = closedReviews(uid)
    this.verdicts = verdicts(this.recordings[2].started)
    return this
  }

  /** To every page that listens. */
  tell(message) {
    for (const socket of this.#sockets) socket.send(JSON.stringify(message))
  }

  async #answer(route) {
    const request = route.request()
    const { pathname, searchParams } = new URL(request.url())
    if (!pathname.startsWith('/api/')) return route.fulfill(await file(pathname))
    const asked = `${request.method()} ${pathname}`
    this.asked.push(asked)
    const instead = this.instead.get(asked)
    if (instead === 'away') return route.abort('connectionrefused')
    await this.held.get(asked)
    const body = request.postData() ? request.postDataJSON() : {}
    const more = { state: searchParams.get('state'), known: request.headers()['if-match'] }
    return route.fulfill(instead ?? this.#api(asked, body, searchParams, more))
  }

  #api(asked, body, query, more) {
    const [method, path] = asked.split(' ')
    const open = this.#open(asked, body)
    if (open) return open
    if (!this.me) return problem(401, 'not_logged_in', 'log in first')
    const [, , , list, id] = path.split('/')
    if (asked === 'GET /api/v1/me') return json(this.#who())
    if (asked === 'POST /api/v1/logout') {
      this.me = null
      return none
    }
    if (asked === 'PUT /api/v1/me/password') {
      return body.current === this.password ? none : problem(403, 'bad_credentials', 'wrong')
    }
    const factor = path.startsWith('/api/v1/me/factors') && aboutFactors(this, asked, body)
    if (factor) return factor.kind ? problem(factor.status, factor.kind, factor.detail) : json(factor.body)
    if (path === '/api/v1/me/ssh-keys') return json({ items: this.sshKeys, door_port: 2222 })
    if (path.startsWith('/api/v1/me/logins')) return this.#list('logins', method, path.split('/')[5])
    if (list === 'recordings' && method === 'GET') return this.#recordings(id, path, query)
    if (list === 'tokens' && method === 'POST') {
      const token = {
        ...{ id: uid(750), user_id: 1, hint: 'bst_00112233', created: before(0), last_used: null },
        ...{
          name: body.name,
          scope: body.scope,
          expires: body.expires_in_days ? after(60 * 24 * body.expires_in_days) : null,
        },
      }
      this.tokens.unshift(token)
      return json({ token, secret: `bst_${'00112233'.repeat(5)}` }, 201)
    }
    const ruled = aboutSettings(this, method, path, body, more) ?? aboutRules(this, method, path, body, more)
    if (ruled?.kind) return problem(ruled.status, ruled.kind, ruled.body)
    if (ruled) return json(ruled.body, ruled.status)
    if (path.endsWith('/access'))
      return json({ items: reach(list === 'users' ? ['db-1', 'web-1'] : ['admin', 'grace']), next: null })
    if (list === 'access-requests') return json({ requests: this.requests, next: null })
    if (list === 'servers' || list === 'host-keys') {
      const answer = aboutServer(this, method, path, body)
      if (answer?.kind) return problem(answer.status, answer.kind, answer.body)
      if (answer) return answer.body ? json(answer.body, answer.status) : none
    }
    if (list === 'sessions' && method === 'POST') return json(this.#opened(body), 201)
    if (list === 'host-authorities') return json({ items: this.authorities })
    if (list === 'user-authorities') return json({ items: userAuthorities() })
    if (list === 'users') return this.#people(method, id, path, body)
    if (list === 'shares') return problem(404, 'share_refused', 'refused')
    return this.#list(list, method, id)
  }

  /** What anybody may ask. */
  #open(asked, body) {
    if (asked === 'GET /api/v1/login') {
      return json({ single_sign_on: this.provider ? { name: this.provider } : null })
    }
    if (asked === 'POST /api/v1/login') {
      if (body.password !== this.password) return problem(401, 'bad_credentials', 'wrong')
      if (this.secondFactor) {
        const { status, kind, detail, more } = secondFactorNeeded(this.secondFactor)
        return problem(status, kind, detail, {}, more)
      }
      this.me = body.username
      return json({ user: this.users[0], login: this.logins[0] })
    }
    if (asked === 'POST /api/v1/login/second-factor/enrolment') return json(OFFER)
    if (asked === 'POST /api/v1/login/second-factor') {
      if (body.code !== CODE) return problem(401, 'bad_code', 'wrong')
      this.me = 'admin'
      return json({ user: this.users[0], login: this.logins[0], recovery_codes: null })
    }
    if (asked === 'POST /api/v1/login-links/look') {
      if (!/^[0-9a-f]+$/.test(body.token)) return problem(403, 'link_refused', 'refused')
      return json({ username: 'admin', password_set: body.token.startsWith('1'), expires: after(14) })
    }
    if (asked === 'POST /api/v1/login-links/use') {
      if (body.password === 'password1234') return problem(422, 'weak_password', 'a very common password')
      this.me = 'admin'
      return json({ user: this.users[0], login: this.logins[0] })
    }
    return null
  }

  #opened(body) {
    const server = this.servers.find((one) => one.id === body.server_id)
    const made = session(77, {
      ...{ title: null, name: null, viewers: [] },
      ...(server && { state: 'connecting', server: { id: server.id, name: server.name } }),
    })
    this.sessions = [made, ...this.sessions]
    this.tell({ type: 'changed', sessions: [made], removed: [], waiting: null })
    return made
  }

  #who() {
    return {
      user: this.users.find((user) => user.username === this.me) ?? this.users[0],
      login: this.logins[0],
      server: { version: '0.1.0', https: true },
      rights: this.rights,
    }
  }

  #list(list, method, id) {
    const key = list === 'sessions' ? 'uid' : 'id'
    if (method === 'DELETE') {
      this[list] = this[list].filter((one) => String(one[key]) !== id)
      if (list === 'sessions') this.tell({ type: 'changed', sessions: [], removed: [id], waiting: null })
      return none
    }
    return json({ [list]: this[list], next: null, ...(list === 'connections' && { terminals: this.told }) })
  }

  #recordings(id, path, query) {
    if (path.endsWith('/cast')) {
      return { status: 200, headers: { 'content-type': 'application/x-asciicast' }, body: cast() }
    }
    if (id) {
      const found = this.recordings.find((one) => one.id === id)
      return found ? json(found) : problem(404, 'not_found', 'no such recording')
    }
    const q = query.get('q') ?? ''
    const fitting = this.recordings.filter((one) => `${one.name} ${one.command.join(' ')}`.includes(q))
    const from = Number(query.get('cursor') ?? 0)
    const to = from + Number(query.get('limit') ?? 100)
    return json({ recordings: fitting.slice(from, to), next: to < fitting.length ? String(to) : null })
  }

  #identities(method, body) {
    const issuer = 'https://id.example.org/realms/staff'
    const made = (id, subject, more) => ({
      ...{ id, issuer, subject, name: null, created: before(60 * 24), linked_by: 'admin', last_used: null },
      ...more,
    })
    if (method === 'POST') {
      if (body.subject === 'taken') return problem(409, 'in_use', 'it is in use')
      this.identities.push(made(10 + this.identities.length, body.subject))
      return json(this.identities.at(-1), 201)
    }
    if (method === 'DELETE') {
      this.identities = []
      return none
    }
    return json({ items: this.identities })
  }

  #people(method, id, path, body) {
    if (!this.rights.includes('user_list')) return problem(403, 'forbidden', 'administrators only')
    const user = this.users.find((one) => String(one.id) === id)
    if (path.includes('/identities')) return this.#identities(method, body)
    if (path.endsWith('/login-link')) {
      return json({ url: `${ADDRESS}/login?token=${'0a'.repeat(16)}`, expires: after(15) }, 201)
    }
    if (method === 'POST') {
      if (this.users.some((one) => one.username === body.username)) {
        return problem(409, 'username_taken', 'taken')
      }
      const made = {
        ...{
          id: 50 + this.users.length,
          uid: uid(950),
          enabled: true,
          password_set: false,
          single_sign_on: false,
        },
        ...{ created: before(0), last_login: null, display_name: null, account: null },
        ...body,
      }
      this.users.push(made)
      return json(made, 201)
    }
    const last = (one) => one.role === 'admin' && one.enabled
    if (user && last(user) && this.users.filter(last).length === 1) {
      const stays = method === 'PATCH' && body.role === 'admin' && body.enabled
      if (!stays) return problem(409, 'last_administrator', 'the last administrator')
    }
    if (method === 'PATCH') return json(Object.assign(user, body))
    if (method === 'DELETE') {
      this.users = this.users.filter((one) => one !== user)
      return none
    }
    return json({ users: this.users, next: null })
  }
}

async function file(pathname) {
  const name = extname(pathname) ? pathname : '/index.html'
  try {
    return {
      status: 200,
      headers: { 'content-type': TYPES[extname(name)] ?? 'application/octet-stream' },
      body: await readFile(join(DIST, name)),
    }
  } catch {
    return { status: 404, body: '' }
  }
}
