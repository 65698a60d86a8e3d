// Line mode on a server's page, with a real sshd and two people: what runs, what is refused, what waits.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Sshd } from './sshd.mjs'
import { freePort, World } from './world.mjs'

let world
let sshd
let admin
let reviewer
let server

const RULES = {
  version: 1,
  rules: [
    {
      id: 'no-reboot',
      priority: 10,
      action: 'deny',
      match: { programs: ['reboot'] },
      reason: { en: 'not in the daytime', zh: '白天不行' },
    },
    { id: 'ask', priority: 20, action: 'review', match: { programs: ['uname'] } },
  ],
}

/** As the page asks. */
function call(method, path, body, headers = {}) {
  return admin.page.evaluate(
    async ([method, path, body, headers]) => {
      const answer = await fetch(path, {
        method,
        body: JSON.stringify(body),
        headers: { 'content-type': 'application/json', ...headers },
      })
      if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${await answer.text()}`)
      return answer.json()
    },
    [method, path, body, headers],
  )
}

before(async () => {
  world = await World.start()
  sshd = await Sshd.start(await freePort())
  admin = await world.person()
  const credential = { name: 'key', kind: 'key', username: sshd.user, key: sshd.key }
  const { id } = await call('POST', '/api/v1/credentials', credential)
  const here = { name: 'here', host: '127.0.0.1', port: sshd.port, default_credential_id: id }
  server = (await call('POST', '/api/v1/servers', here)).id
  await call('POST', `/api/v1/servers/${server}/host-keys`, { key: sshd.hostKey })
  await call('PUT', '/api/v1/rules', { rules: RULES }, { 'if-match': '"1"' })
  const grace = await call('POST', '/api/v1/users', { username: 'grace', role: 'reviewer' })
  const link = new URL((await call('POST', `/api/v1/users/${grace.id}/login-link`, {})).url)
  const context = await world.browser.newContext({ locale: 'en-US' })
  reviewer = await context.newPage()
  await world.followLink(reviewer, `${world.url}${link.pathname}${link.search}`)
})

after(async () => {
  await sshd?.remove()
  await world?.stop()
})

const box = () => admin.page.getByRole('region', { name: 'Line by line' })
const field = () => box().getByRole('textbox')
const last = () => box().locator('.lines-entry').last()

async function run(line) {
  await field().fill(line)
  await field().press('Enter')
  await last().locator('.asked', { hasText: line }).waitFor()
}

const ended = (state) => box().locator(`.lines-entry:last-child[data-state=${state}]`).waitFor()

test('lines run, and each where the one before left off', async () => {
  await admin.page.goto(`${world.url}/servers/${server}`)
  await run('echo to-$((40+2)); echo err >&2')
  await last().getByText('to-42').waitFor()
  await ended('good')
  await run('cd /usr/bin/..')
  await ended('good')
  await run('pwd')
  await last()
    .getByText(/^\/usr\n?$/)
    .waitFor()
  assert.match(await last().locator('.asked').textContent(), /@here:\/usr\$ pwd$/)
  await run('exit 3')
  await ended('bad')
  await last()
    .getByText(/exit code 3/i)
    .waitFor()
})

test('the arrows bring back what was typed', async () => {
  await field().press('ArrowUp')
  assert.equal(await field().inputValue(), 'exit 3')
  await field().press('ArrowUp')
  assert.equal(await field().inputValue(), 'pwd')
  await field().press('ArrowDown')
  await field().press('ArrowDown')
  assert.equal(await field().inputValue(), '')
})

test('what the rules refuse does not run, and the reason is in the language of the page', async () => {
  await run('sudo reboot')
  await ended('bad')
  await last().getByText('the command was refused: not in the daytime').waitFor()
})

test('Ctrl-C ends what runs', async () => {
  await run('echo begun; sleep 1000; echo on')
  await last().getByText('begun', { exact: true }).waitFor()
  await field().press('Control+c')
  await last().getByText('interrupted').waitFor()
  assert.doesNotMatch(await last().textContent(), /begun\s*on/)
  await world.picture(admin.page, 'lines')
})

test('a line waits for a second person, and can be given up', async () => {
  await run('uname -s')
  await last()
    .getByText(/waiting for a reviewer or an administrator/)
    .waitFor()
  await reviewer.goto(`${world.url}/reviews`)
  const review = reviewer.getByRole('article')
  await review.getByText('uname -s').first().waitFor()
  await review.getByLabel('Reason').fill('harmless')
  await review.getByRole('button', { name: 'Approve' }).click()
  await last().getByText('Linux').waitFor()
  await ended('good')

  await run('uname -r')
  await last().getByRole('button', { name: 'Cancel' }).click()
  await ended('bad')
  await last().getByText('it was given up').waitFor()
  await review.waitFor({ state: 'detached' })
})

test('its recording is beside its verdicts', async () => {
  await box().getByRole('link', { name: 'Recording' }).click()
  const list = admin.page.getByRole('region', { name: 'Commands' })
  await list.locator('[data-action=deny]', { hasText: 'reboot' }).first().waitFor()
  await list.locator('[data-action=review]', { hasText: 'uname' }).first().waitFor()
  assert.deepEqual(admin.faults, [])
})
