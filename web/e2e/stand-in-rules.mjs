// What the stand-in says about rules on commands, reviews, alerts and verdicts. Its judgement is a toy's.

const MINUTE = 60_000
const before = (minutes) => new Date(Date.now() - minutes * MINUTE).toISOString()
const DIGEST = '5ac81f3e'.repeat(8)

export const ruleSet = () => ({
  version: 1,
  default: { action: 'allow', unknown: 'alert' },
  command_groups: [
    {
      id: 'our-databases',
      name: { en: 'Our databases', zh: '自有数据库' },
      commands: [{ programs: ['psql', 'mysql'], arguments: [{ regex: '(?i)drop\\s+table' }] }],
    },
  ],
  rules: [
    {
      ...{ id: 'no-rm-rf-root', name: 'No rm -rf of whole trees', priority: 10, action: 'deny' },
      match: { programs: ['rm'], arguments: [{ flags: ['-r', '-R', '--recursive'] }, { regex: '^/[^/]*$' }] },
      reason: { en: 'This would delete a whole tree.', zh: '这会删除整个目录树。' },
    },
    {
      ...{ id: 'restart-in-pairs', name: 'Restarts need two', priority: 20, action: 'review' },
      scope: { tags: ['prod'], times: [{ days: [], from: '08:00', to: '20:00', zone: 'Asia/Shanghai' }] },
      match: { programs: ['systemctl', 'reboot'], groups: ['shutdown'] },
    },
    {
      ...{ id: 'disks', priority: 30, action: 'deny', mode: 'dry_run' },
      match: { groups: ['disks'] },
      scope: { doors: ['exec', 'line'] },
    },
    {
      ...{ id: 'drop-alerts', name: '数据库删除告警', priority: 40, action: 'alert', enabled: false },
      match: { groups: ['our-databases'] },
    },
  ],
})

const READY = [
  {
    ...{ id: 'disks', name: { en: 'Disks and partitions', zh: '磁盘与分区' } },
    commands: [
      { programs: ['mkfs*'] },
      { programs: ['fdisk', 'parted'] },
      { programs: ['dd'], arguments: ['of=/dev/*'] },
      { programs: ['wipefs'] },
      { programs: ['blkdiscard'] },
    ],
  },
  {
    ...{ id: 'shutdown', name: { en: 'Shutdown and restart', zh: '关机与重启' } },
    commands: [{ programs: ['shutdown', 'halt', 'poweroff', 'reboot'] }],
  },
]

const version = (number, rules, more = {}) => ({
  ...{ version: number, digest: DIGEST, created: before(60 * 24 * (4 - number) + 7), author: 'admin' },
  ...{ note: '', control: { gate: number > 2 ? 'workbench' : 'off' }, rules },
  ...more,
})

export function ruleVersions() {
  const now = ruleSet()
  const first = { version: 1, rules: [now.rules[0]] }
  const second = { ...first, rules: [{ ...now.rules[0], priority: 50 }, now.rules[2]] }
  return [
    version(3, now, { note: 'Restarts need two people since the last outage' }),
    version(2, second),
    version(1, first, { author: null }),
  ]
}

export const reviews = (uid) => [
  {
    ...{ id: uid(601), state: 'open', session: uid(3), account: 'deploy', door: 'line' },
    ...{ user: { id: 2, name: 'ops' }, server: { id: 3, name: 'db-1' }, hash: DIGEST },
    ...{ line: 'sudo systemctl restart postgresql', cwd: '/srv/db', rule: 'restart-in-pairs' },
    argv: ['/usr/bin/systemctl', 'restart', 'postgresql'],
    reason: { en: 'Restarts need two people.', zh: '重启需要两人确认。' },
    ...{ opened: before(0.4), expires: before(-4.5), closed: null, decided_by: null, decision: null },
    may: { decide: true, cancel: false },
  },
  {
    ...{ id: uid(602), state: 'open', session: uid(0), account: 'admin', door: 'exec' },
    ...{ user: { id: 1, name: 'admin' }, server: null, line: null, cwd: '/', rule: null, reason: null },
    argv: ['/sbin/reboot', '', 'a b\u202etxt.exe'],
    ...{ opened: before(0.1), expires: null, closed: null, decided_by: null, decision: null },
    may: { decide: false, cancel: true },
  },
]

export const closedReviews = (uid) =>
  [
    ['approved', 'night.shift', 'planned work'],
    ['refused', 'admin', '白天不要重启'],
    ['expired', null, null],
  ].map(([state, by, decision], n) => ({
    ...reviews(uid)[0],
    ...{ id: uid(610 + n), state, closed: before(60 * (n + 1)), decided_by: by, decision },
    may: { decide: false, cancel: false },
  }))

export const alerts = (uid) => [
  {
    ...{ id: 9, at: before(3), kind: 'deny', severity: 'warning', action: 'deny', rule: 'no-rm-rf-root' },
    ...{ text: 'rm -rf /srv was refused', session: uid(502) },
    ...{ user: { id: 2, name: 'ops' }, server: { id: 3, name: 'db-1' } },
  },
  {
    ...{ id: 8, at: before(300), kind: 'guard_failed', severity: 'critical', action: null, rule: null },
    ...{ text: 'the supervisor of a session ended; its commands do not run any more', session: uid(503) },
    ...{ user: { id: 1, name: 'admin' }, server: null },
  },
]

export const verdicts = (started) =>
  [
    [1.2, 'allow', ['/usr/bin/cargo', 'test'], 'cargo test', null, null, true],
    [41.5, 'alert', ['/usr/bin/python3', 'gen.py'], 'make gen', null, null, true],
    [42.6, 'review', ['/usr/bin/systemctl', 'restart', 'db'], null, 'restart-in-pairs', 'approved', true],
    [44.1, 'deny', ['/usr/bin/rm', '-rf', '/srv'], 'sudo rm -rf /srv', 'no-rm-rf-root', null, false],
  ].map(([second, action, argv, line, rule, review, ran], id) => ({
    ...{ id, action, argv, line, rule, review, ran, door: 'exec', label: 'enforced', cwd: '/srv' },
    ...{ offset_ms: second * 1000, at: new Date(Date.parse(started) + second * 1000).toISOString() },
    reason: action === 'deny' ? { en: 'This would delete a whole tree.', zh: '这会删除整个目录树。' } : null,
  }))

/** A line, judged by the names of programs alone. */
function judged(line, set) {
  const words = line.trim().split(/\s+/)
  const wrapped = words[0] === 'sudo'
  const [program, ...rest] = wrapped ? words.slice(1) : words
  const word = (text) => (text.includes('$') ? { unknown: text } : text)
  const fact = { kind: 'command', program: word(program ?? ''), arguments: rest.map(word) }
  if (wrapped) fact.via = ['sudo']
  if (program?.includes('$')) Object.assign(fact, { kind: 'unknown', unknown: 'variable' })
  const facts = [...(wrapped ? [{ kind: 'wrapper', program: 'sudo', arguments: words.slice(1) }] : []), fact]
  const order = [...set.rules].sort((a, b) => a.priority - b.priority)
  const rule = order.find((one) => one.enabled !== false && one.match.programs?.includes(program))
  const at = facts.length - 1
  const action = rule?.action ?? (fact.unknown ? 'alert' : 'allow')
  const judgements = facts.map((_, n) =>
    n === at ? { action, ...(rule && { rule: rule.id }) } : { action: 'allow' },
  )
  const verdict = { action, fact: at, facts: judgements, dry_run: [] }
  if (rule) Object.assign(verdict, { rule: rule.id, reason: rule.reason })
  return { verdict, facts }
}

/** An answer to a request about these, or null when it is none of them. */
export function aboutRules(world, method, path, body, more) {
  const [, , , list, what, act] = path.split('/')
  const json = (answer, status = 200) => ({ status, body: answer })
  if (list === 'alerts') return json({ alerts: world.alerts, next: null })
  if (list === 'sessions' && act === 'verdicts') return json({ verdicts: world.verdicts, next: null })
  if (list === 'reviews') {
    if (method === 'GET')
      return json({ reviews: more.state === 'open' ? world.reviews : world.closedReviews, next: null })
    const one = world.reviews.find(({ id }) => id === what)
    if (!one) return json(null, 404)
    const state = { approve: 'approved', refuse: 'refused', cancel: 'cancelled' }[act]
    Object.assign(one, { state, decided_by: world.me, decision: body.reason ?? null, closed: before(0) })
    world.reviews = world.reviews.filter((other) => other !== one)
    world.closedReviews.unshift(one)
    world.tell({ type: 'review_closed', review: one })
    return json(one)
  }
  if (list !== 'rules') return null
  const [now] = world.ruleVersions
  if (what === 'try') {
    const [rules, control] = [body.rules ?? now.rules, body.control ?? now.control]
    const place = (list) => (list?.length ? 0 : null)
    const gate = control.scopes?.[0] ?? control
    return json({
      ...judged(body.line, rules),
      scoped_default: place(rules.defaults),
      gate: { gate: gate.gate, layers: gate.layers ?? [], scope: place(control.scopes) },
    })
  }
  if (what === 'import')
    return json({ created: ['a-rule'], changed: ['disks'], skipped: [], unchanged: 2, dry_run: body.dry_run })
  if (what === 'versions') {
    if (!act)
      return json({
        versions: world.ruleVersions.map(({ rules: _, control: __, ...info }) => info),
        next: null,
      })
    const old = world.ruleVersions.find((one) => one.version === Number(act))
    if (method === 'POST') {
      world.ruleVersions.unshift({ ...old, version: now.version + 1, note: `version ${act} again` })
      return json(world.ruleVersions[0])
    }
    return json(old)
  }
  if (method === 'PUT') {
    if (more.known !== `"${now.version}"`) return { status: 412, kind: 'rules_changed', body: 'changed' }
    const next = { ...now, ...body, version: now.version + 1, created: before(0), author: world.me }
    world.ruleVersions.unshift(next)
    return json(next)
  }
  return json({ ...now, unreadable: null, ready_groups: READY })
}
