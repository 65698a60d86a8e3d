// Every page in both languages, both themes and two widths, with made-up data: `node e2e/pictures.mjs FOLDER [page…]`.

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { chromium } from 'playwright-core'
import { ADDRESS, recording, StandIn, session } from './stand-in.mjs'
import { FINGERPRINT, OTHER, oddFiles, prompt } from './stand-in-servers.mjs'

const [folder = '.', ...only] = process.argv.slice(2)

const ON_SERVER = session(3, { title: null, name: null, server: { id: 3, name: 'db-1' } })
const onServer = (says, more = {}) => ({
  at: `/t/${ON_SERVER.uid}`,
  server: (server) =>
    Object.assign(server, { says, sessions: [{ ...ON_SERVER, state: 'connecting', ...more }] }),
})
/** What a terminal is told when a command of its session was refused. */
export const REFUSED = {
  ...{ type: 'notice', kind: 'command', level: 'error' },
  ...{ text: 'Refused: rm -rf /srv (no-rm-rf-root)', zh: '命令被拦截: rm -rf /srv (no-rm-rf-root)' },
}
const row = (page) => page.locator('.rows .row').first().waitFor()

const second = async (page) => {
  await page.locator('input[name=username]').fill('admin')
  await page.locator('input[name=password]').fill('correct horse battery')
  await page.keyboard.press('Enter')
  await page.locator('#second-title').waitFor()
}

/** Three in a terminal that one owns: somebody by a link asks for the keyboard, an auditor watches. */
const together = (server) => {
  const there = (id, client, more) => ({
    ...{ id, client, user: client, lagged: false, write: false, since: new Date(Date.now() - id * 60_000) },
    ...more,
  })
  server.sessions = [{ ...ON_SERVER, state: 'running' }]
  server.says = [
    {
      type: 'viewers',
      you: 1,
      viewers: [
        there(1, 'admin', { write: true, role: 'owner', address: '127.0.0.1' }),
        there(2, 'wang.li', {
          role: 'guest',
          via: 'ssh',
          address: '2001:db8:85a3::8a2e:370:7334',
          asks: true,
        }),
        there(3, 'an.auditor.with.a.long.name', { role: 'observer', address: '192.0.2.17' }),
      ],
    },
  ]
}

/** By name: an address, what to do to the server before, and to the page after. */
export const PAGES = {
  login: { at: '/login', server: (server) => Object.assign(server, { me: null }) },
  'login-sign-on': {
    at: `/login?sso=name_taken&request=${'0a'.repeat(16)}`,
    server: (server) => Object.assign(server, { me: null, provider: 'Example' }),
    page: (page) => page.locator('[data-sign-on]').waitFor(),
  },
  'login-wrong': {
    at: '/login?next=/settings',
    server: (server) => Object.assign(server, { me: null }),
    page: async (page) => {
      await page.locator('input[name=username]').fill('admin')
      await page.locator('input[name=password]').fill('wrong')
      await page.keyboard.press('Enter')
      await page.locator('.field-error').waitFor()
    },
  },
  'login-second': {
    at: '/login',
    server: (server) => Object.assign(server, { me: null, secondFactor: ['totp', 'passkey', 'recovery'] }),
    page: second,
  },
  'login-recovery': {
    at: '/login',
    server: (server) => Object.assign(server, { me: null, secondFactor: ['totp', 'recovery'] }),
    page: async (page) => {
      await second(page)
      await page.locator('.others button').first().click()
      await page.locator('.field-hint').waitFor()
    },
  },
  'login-enrol': {
    at: '/login',
    server: (server) => Object.assign(server, { me: null, secondFactor: ['enrol'] }),
    page: async (page) => {
      await second(page)
      await page.locator('.qr svg').waitFor()
    },
  },
  link: {
    at: '/login?token=0a0b0c',
    server: (server) => Object.assign(server, { me: null }),
    page: async (page) => {
      await page.locator('input[name=new-password]').fill('correct horse battery')
      await page.locator('input[name=new-password-again]').fill('correct cow')
    },
  },
  'link-keep': { at: '/login?token=1a0b0c', server: (server) => Object.assign(server, { me: null }) },
  'link-refused': { at: '/login?token=zz', server: (server) => Object.assign(server, { me: null }) },
  home: {
    at: '/?show=all',
    server: (server) => {
      server.sessions[3] = session(3, { recording: { state: 'stalled', reason: 'the disk is full' } })
      server.sessions.push(session(5, { state: 'ended', exit: { code: 0 }, recording: { state: 'closed' } }))
      server.sessions.push(
        session(6, { state: 'ended', exit: { code: 127 }, recording: { state: 'closed' } }),
      )
    },
    page: (page) => page.locator('.recent li').first().waitFor(),
  },
  'home-empty': { at: '/', server: (server) => Object.assign(server, { sessions: [], recordings: [] }) },
  'home-waiting': {
    at: '/',
    server: (server) => Object.assign(server, { waiting: 'connection refused' }),
    page: (page) => page.locator('.notice').first().waitFor(),
  },
  recordings: { at: '/recordings', page: (page) => page.locator('.rows .row').first().waitFor() },
  'recordings-empty': { at: '/recordings', server: (server) => Object.assign(server, { recordings: [] }) },
  replay: {
    at: `/recordings/${recording(2).id}?t=43.5`,
    page: (page) => page.locator('.ap-line', { hasText: 'part_6' }).waitFor(),
  },
  users: { at: '/users', page: (page) => page.locator('.rows .row').first().waitFor() },
  'users-new': {
    at: '/users',
    page: async (page) => {
      await page.locator('.page-head button').click()
      await page.locator('dialog input').first().fill('Ops!')
    },
  },
  'users-identities': {
    at: '/users',
    page: async (page) => {
      await page.locator('.rows .row button').nth(1).click()
      await page.locator('dialog .dialog-actions button').nth(1).click()
      await page.locator('dialog [data-identity]').waitFor()
    },
  },
  settings: { at: '/settings', page: (page) => page.locator('[data-token]').first().waitFor() },
  'settings-app': {
    at: '/settings',
    page: async (page) => {
      await page.locator('[data-factor=app] button').first().click()
      await page.locator('dialog input').fill('correct horse battery')
      await page.keyboard.press('Enter')
      await page.locator('.qr svg').waitFor()
    },
  },
  'settings-codes': {
    at: '/settings',
    page: async (page) => {
      await page.locator('[data-factor=codes] button').click()
      await page.locator('dialog input').fill('correct horse battery')
      await page.keyboard.press('Enter')
      await page.locator('.recovery-codes').waitFor()
    },
  },
  'settings-revoke': {
    at: '/settings',
    page: async (page) => {
      await page.locator('[data-token] button').first().click()
      await page.locator('dialog').waitFor()
    },
  },
  palette: {
    at: '/',
    page: async (page) => {
      await page.locator('.rows .row').first().waitFor()
      await page.keyboard.press('Control+k')
      await page.locator('.palette-item').first().waitFor()
    },
  },
  keys: {
    at: '/recordings',
    page: async (page) => {
      await page.locator('.rows .row').first().waitFor()
      await page.keyboard.press('?')
      await page.locator('.keys').waitFor()
    },
  },
  servers: { at: '/servers', page: row },
  'servers-empty': { at: '/servers', server: (server) => Object.assign(server, { servers: [] }) },
  'servers-chosen': {
    at: '/servers?tag=web',
    page: async (page) => {
      await row(page)
      await page.locator('[aria-rowcount]').waitFor()
      // Where it is narrow there is nothing to choose with.
      const boxes = page.locator('.rows input[type=checkbox]')
      if (await boxes.first().isVisible()) {
        await boxes.nth(0).check()
        await boxes.nth(1).check()
      }
    },
  },
  'servers-add': {
    at: '/servers',
    page: async (page) => {
      await row(page)
      await page.locator('.page-head .ant-btn-primary').click()
      await page.locator('.advanced summary').click()
    },
  },
  'servers-test': {
    at: '/servers',
    server: (server) => Object.assign(server, { shown: { fingerprint: OTHER } }),
    page: async (page) => {
      await row(page)
      await page.locator('.page-head .ant-btn-primary').click()
      await page.locator('dialog input').first().fill('root@new-1.example:2222')
      await page.locator('dialog .dialog-actions button').nth(1).click()
      await page.locator('.test .notice').nth(1).waitFor()
    },
  },
  'servers-import': {
    at: '/servers',
    page: async (page) => {
      await row(page)
      await page.locator('.page-head .ant-btn-default').click()
      await page.getByRole('dialog').locator('textarea').fill('Host app-1 app-2\n  User deploy\n')
      await page.locator('dialog .ant-btn-primary').click()
      await page.locator('.import-report').waitFor()
    },
  },
  server: {
    at: '/servers/3',
    server: (server) => {
      server.sessions.push(session(9, { server: { id: 3, name: 'db-1' }, title: 'psql' }))
    },
    page: async (page) => {
      await page.locator('.execute input').fill('ls / /nowhere')
      await page.keyboard.press('Enter')
      await page.locator('.stream').first().waitFor()
      await page.locator('[aria-labelledby=server-resources] button').click()
      await page.locator('meter').first().waitFor()
    },
  },
  files: { at: '/servers/3/files?path=/srv/db', page: row },
  'files-chosen': {
    at: '/servers/3/files',
    page: async (page) => {
      await row(page)
      const boxes = page.locator('.rows input[type=checkbox]')
      if (await boxes.first().isVisible()) await page.getByRole('checkbox', { name: /postgres/ }).check()
      await page
        .locator('input[type=file]:not([webkitdirectory])')
        .setInputFiles({ name: 'dump', mimeType: '', buffer: Buffer.alloc(9) })
      await page.locator('[data-upload=dump][data-state=exists]').waitFor()
    },
  },
  'files-folder': {
    at: '/servers/3/files',
    page: async (page) => {
      await row(page)
      const folder = await mkdtemp(join(tmpdir(), 'bastide-folder-'))
      for (const name of ['a.conf', 'b.conf']) await writeFile(join(folder, name), name)
      await page.locator('input[webkitdirectory]').setInputFiles(folder)
      await page.locator('[data-upload][data-kind=directory][data-state=exists]').waitFor()
      await rm(folder, { recursive: true })
    },
  },
  'files-odd': {
    at: '/servers/3/files',
    server: (server) => Object.assign(server, { files: oddFiles() }),
    page: row,
  },
  'files-mode': {
    at: '/servers/3/files',
    page: async (page) => {
      await row(page)
      await page.getByRole('link', { name: 'postgres.conf' }).focus()
      await page.keyboard.press('F2')
      await page.locator('dialog').waitFor()
    },
  },
  'files-empty': {
    at: '/servers/3/files?path=/srv/empty',
    server: (server) => Object.assign(server, { files: [] }),
    page: (page) => page.locator('.empty').waitFor(),
  },
  'files-none': {
    at: '/servers/3/files',
    server: (server) => {
      server.servers[2].may.rights = ['connect']
    },
    page: (page) => page.locator('.notice').waitFor(),
  },
  'server-missing': { at: '/servers/4711' },
  credentials: { at: '/credentials', page: row },
  'credentials-key': {
    at: '/credentials',
    page: async (page) => {
      await row(page)
      await page.locator('.page-head .ant-btn-primary').click()
      await page.locator('dialog select').selectOption('key')
      await page.locator('#secret-key').fill('ssh-ed25519 AAAAC3Nz me@here')
    },
  },
  access: { at: '/access', page: row },
  'access-grant': {
    at: '/access',
    page: async (page) => {
      await row(page)
      await page.locator('.page-head .ant-btn-primary').click()
    },
  },
  'users-reach': {
    at: '/users',
    page: async (page) => {
      await page.locator('.rows .row button').first().click()
      await page.locator('dialog [data-reach]').first().waitFor()
    },
  },
  requests: { at: '/requests', page: (page) => page.locator('[data-request]').first().waitFor() },
  'requests-ask': {
    at: '/requests',
    page: async (page) => {
      await page.locator('.page-head .ant-btn-primary').click()
      await page.locator('dialog input').first().fill('db-1')
    },
  },
  'requests-none': {
    at: '/requests',
    server: (server) => Object.assign(server, { requests: [] }),
    page: (page) => page.locator('#requests-open + p').waitFor(),
  },
  connections: { at: '/connections', page: row },
  'connections-none': {
    at: '/connections',
    server: (server) => Object.assign(server, { connections: [], told: 'not_told' }),
    page: (page) => page.locator('.no-rows').waitFor(),
  },
  limits: { at: '/limits', page: (page) => page.locator('.variable').nth(1).waitFor() },
  'limits-person': {
    at: '/users',
    page: async (page) => {
      await page.locator('.rows .row button').nth(1).click()
      await page.locator('dialog .dialog-actions button').first().click()
      await page.locator('dialog .limits').waitFor()
    },
  },
  'limits-own': { at: '/settings#sessions', page: (page) => page.locator('.held').waitFor() },
  'rules-default': {
    at: '/rules',
    page: async (page) => {
      await page.locator('.part > button.quiet').first().click()
      await page.locator('dialog .checks').waitFor()
    },
  },
  hosts: {
    at: '/hosts',
    page: async (page) => {
      await page.locator('[data-authority="people of the company"]').waitFor()
      await page.locator('[aria-labelledby=known-hosts-import] textarea').fill('db-1 ssh-ed25519 AAAA')
      await page.locator('.form-actions button').click()
      await page.locator('.import-report').waitFor()
    },
  },
  dialling: {
    ...onServer([{ type: 'notice', kind: 'ssh', text: 'db-1: TCP to 192.0.2.3:22' }]),
    page: (page) => page.locator('.dialling').waitFor(),
  },
  'prompt-host-key': {
    ...onServer([prompt('host_key')]),
    page: (page) => page.locator('.prompt').waitFor(),
  },
  'prompt-question': {
    ...onServer([prompt('question'), prompt('password')]),
    page: (page) => page.locator('.prompt').waitFor(),
  },
  'dial-failed': {
    ...onServer(
      [
        {
          type: 'notice',
          kind: 'ssh',
          text: 'connect: 192.0.2.3:22 refused the connection; is sshd running there?',
        },
        { type: 'exit', code: 255, signal: null },
      ],
      { state: 'ended', exit: { code: 255 } },
    ),
    page: (page) => page.locator('.failure').waitFor(),
  },
  'dial-changed': {
    ...onServer(
      [
        {
          type: 'notice',
          kind: 'ssh',
          text: `host key: db-1 shows ${OTHER}, which differs from the accepted ${FINGERPRINT}`,
        },
        { type: 'exit', code: 255, signal: null },
      ],
      { state: 'ended', exit: { code: 255 } },
    ),
    page: (page) => page.locator('.failure dd').nth(1).waitFor(),
  },
  rules: {
    at: '/rules',
    page: async (page) => {
      await row(page)
      await page.locator('.try input').first().fill('sudo rm -rf $HOME /srv')
      await page.locator('.try-verdict').waitFor()
    },
  },
  'rules-empty': {
    at: '/rules',
    server: (server) => Object.assign(server.ruleVersions[0], { rules: { version: 1 } }),
    page: (page) => page.locator('.empty').waitFor(),
  },
  'rules-rule': {
    at: '/rules',
    page: async (page) => {
      await row(page)
      await page.locator('[data-rule=restart-in-pairs] a').click()
      await page.locator('dialog .advanced summary').nth(1).click()
    },
  },
  'rules-save': {
    at: '/rules',
    page: async (page) => {
      await row(page)
      await page.locator('[data-rule=disks] button').click()
      await page.locator('.save-bar button').last().click()
      await page.locator('dialog .diff').waitFor()
    },
  },
  'rules-groups': { at: '/rules/groups', page: (page) => page.locator('[data-group]').nth(2).waitFor() },
  'rules-group': {
    at: '/rules/groups',
    page: (page) => page.locator('[data-group=our-databases] button').click(),
  },
  'rules-versions': { at: '/rules/versions?v=2', page: (page) => page.locator('.diff').waitFor() },
  reviews: {
    at: '/reviews',
    server: (server) => server.judge(),
    page: (page) => page.locator('[data-state]').nth(2).waitFor(),
  },
  'reviews-none': { at: '/reviews', page: (page) => page.locator('.empty').waitFor() },
  alerts: { at: '/alerts', page: row },
  'replay-verdicts': {
    at: `/recordings/${recording(2).id}?t=43.5`,
    server: (server) => server.judge(),
    page: async (page) => {
      await page.locator('.verdicts li').nth(3).waitFor()
      await page.locator('.ap-line', { hasText: 'part_6' }).waitFor()
    },
  },
  'terminal-waits': {
    ...onServer([]),
    server: (server) => {
      server.says = [{ ...REFUSED }]
      server.judge().sessions = [{ ...ON_SERVER, state: 'running' }]
      server.reviews[0].may = { decide: false, cancel: true }
    },
    page: (page) => page.locator('.waits').waitFor(),
  },
  together: {
    at: `/t/${ON_SERVER.uid}`,
    server: together,
    page: async (page) => {
      await page.locator('.status-viewers').click()
      await page.locator('dialog [data-viewer]').nth(2).waitFor()
    },
  },
  'together-asked': {
    at: `/t/${ON_SERVER.uid}`,
    server: together,
    page: (page) => page.locator('[data-asks-keyboard]').waitFor(),
  },
  missing: { at: '/nowhere' },
  'share-refused': { at: '/s/abc' },
}

/** A page of `PAGES` as it looks for somebody. */
export async function show(browser, name, { language, theme, width }) {
  const { at, server: prepare, page: act } = PAGES[name]
  const context = await browser.newContext({
    viewport: { width, height: width < 500 ? 844 : 900 },
    locale: language,
    colorScheme: theme,
    hasTouch: width < 500,
  })
  const server = new StandIn()
  prepare?.(server)
  await server.install(context)
  const page = await context.newPage()
  const faults = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 4/.test(message.text())) faults.push(message.text())
  })
  await page.goto(ADDRESS + at)
  await page.locator('h1, h2, .terminal-page').first().waitFor()
  await act?.(page)
  return { page, context, server, faults }
}

export const VARIANTS = ['en-US', 'zh-CN'].flatMap((language) =>
  ['light', 'dark'].flatMap((theme) => [1440, 390].map((width) => ({ language, theme, width }))),
)

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb'],
  })
}

if (process.argv[1] === import.meta.filename) {
  const browser = await launch()
  for (const name of Object.keys(PAGES)) {
    if (only.length > 0 && !only.includes(name)) continue
    for (const variant of VARIANTS) {
      const { page, context, faults } = await show(browser, name, variant)
      const { language, theme, width } = variant
      await page.screenshot({
        path: join(resolve(folder), `${name}-${language.slice(0, 2)}-${theme}-${width}.png`),
      })
      for (const fault of faults) process.stderr.write(`${name}: ${fault}\n`)
      await context.close()
    }
  }
  await browser.close()
}
