// Terminals on a server, with a real sshd: from adding it to the day its host key has changed.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Sshd } from './sshd.mjs'
import { freePort, Terminal, World } from './world.mjs'

let world
let sshd
let page
let terminal

before(async () => {
  world = await World.start()
  sshd = await Sshd.start(await freePort())
  ;({ page } = await world.person())
})

after(async () => {
  await sshd?.remove()
  await world?.stop()
})

test('a key is stored, and never shown again', async () => {
  await page.goto(`${world.url}/credentials`)
  await page.getByRole('button', { name: 'Add a credential' }).click()
  await page.getByLabel('User name').fill(sshd.user)
  await page.getByLabel('Name', { exact: true }).fill('test key')
  await page.getByLabel('Kind').selectOption('key')
  await page.getByLabel('Private key').fill('ssh-ed25519 AAAA no')
  await page.getByText('This is the public half.').waitFor()
  await page.getByLabel('Private key').fill(sshd.key)
  await page.getByRole('button', { name: 'Save' }).click()
  const row = page.locator('[data-credential="test key"]')
  await row.waitFor()
  assert.match(await row.textContent(), /SHA256:/)
  const answer = await page.evaluate(async () => (await fetch('/api/v1/credentials')).text())
  assert.doesNotMatch(answer, /PRIVATE KEY/)
})

test('a server is added with an address as people paste it', async () => {
  await page.goto(`${world.url}/servers`)
  await page.getByText('No servers yet').waitFor()
  await page.getByRole('button', { name: 'Add a server' }).click()
  await page.getByLabel('Host', { exact: true }).fill(`127.0.0.1:${sshd.port}`)
  await page.getByLabel('Name (optional)').fill('here')
  assert.equal(await page.getByLabel('Port', { exact: true }).inputValue(), String(sshd.port))
  await page.getByLabel('Credential', { exact: true }).selectOption({ label: `test key (${sshd.user})` })
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await page.locator('[data-server=here]').waitFor()
})

test('the first terminal shows the host key and asks; an Enter meant for the shell accepts nothing', async () => {
  await page.getByRole('link', { name: 'here', exact: true }).press('Enter')
  await page.waitForURL(/\/t\//)
  terminal = new Terminal(page)
  const question = page.getByRole('dialog', { name: 'Is this here?' })
  await question.getByText(sshd.fingerprint).waitFor()
  await page.keyboard.press('Enter')
  assert.equal(await question.isVisible(), true)
  await question.getByRole('button', { name: 'Accept and remember' }).click()
  await question.waitFor({ state: 'detached' })
  await terminal.run('echo on-$((40+2))-server')
  await terminal.sees(/on-42-server/)
  assert.match(await page.locator('.status').textContent(), /here/)
})

test('vim runs in it, and is there after a reload', async () => {
  await terminal.run('vim -u NONE -c "set shortmess+=I"')
  await terminal.sees(/^~/m)
  await terminal.type('ihello from vim')
  await terminal.sees(/^hello from vim/m)
  await page.reload()
  await terminal.live()
  await terminal.sees(/^hello from vim/m)
  await terminal.press('Escape')
  await terminal.run(':q!')
  await terminal.run('echo still-$((40+2))')
  await terminal.sees(/still-42/)
})

test('more terminals go over the same connection, without a question', async () => {
  const before = sshd.logins
  for (const tab of [1, 2]) {
    await page.getByRole('button', { name: 'New tab' }).click()
    await page.locator('.tab').nth(tab).waitFor()
    await terminal.live()
    await terminal.run(`echo more-$((40+${tab}))`)
    await terminal.sees(new RegExp(`more-4${tab}`))
    assert.equal(await page.locator('.prompt').count(), 0)
  }
  // A connection that just then waits for a slow reader is gone around: not for every terminal.
  assert.ok(sshd.logins - before < 2, `${sshd.logins - before} new logins for two terminals`)
})

test('whether it answers is looked at, and everybody who looks on sees it', async () => {
  const other = await page.context().newPage()
  await other.goto(`${world.url}/servers`)
  const status = other.locator('[data-server=here] .cell-status')
  await page.goto(`${world.url}/servers`)
  await page.getByRole('link', { name: 'Details of here' }).click()
  await page.getByRole('button', { name: 'Check', exact: true }).click()
  await page.getByText('It can be reached.').waitFor()
  assert.match(await page.locator('.host-facts').first().textContent(), /up /)
  await status.getByText('online').waitFor()
  await other.close()
})

test('the key that it shows now is the accepted one', async () => {
  await page.getByRole('button', { name: 'What does it show now?' }).click()
  const shown = page.locator('.notice', { hasText: 'It shows the host key that is accepted.' })
  await shown.getByText(sshd.fingerprint).waitFor()
})

test('a command says how it ended, and what went where', async () => {
  const field = page.getByLabel('Command', { exact: true })
  await field.fill('echo to-out; echo to-err >&2; exit 3')
  await field.press('Enter')
  await page.locator('.stream.stdout', { hasText: 'to-out' }).waitFor()
  await page.locator('.stream.stderr', { hasText: 'to-err' }).waitFor()
  assert.match(await page.locator('.result').textContent(), /exit code 3/i)
  await field.fill('head -c 17000000 /dev/zero | tr "\\0" x')
  await field.press('Enter')
  await page.getByText(/17000000 bytes of stdout/).waitFor()
})

test('its load is measured', async () => {
  await page.getByRole('button', { name: 'Look' }).click()
  await page.getByRole('meter', { name: 'Memory' }).waitFor()
  await page.getByRole('meter', { name: 'Processor' }).waitFor()
  await page.getByRole('meter', { name: '/', exact: true }).waitFor()
})

test('commands share one connection, which is listed and can be ended', async () => {
  await page.getByRole('link', { name: 'Servers', exact: true }).first().click()
  await page.getByRole('link', { name: 'Connections' }).click()
  // The terminal of before is still open: its connection is the session daemon's.
  const terminals = page.locator('[data-connection=here][data-pool=terminals]').first()
  await terminals.getByText('Terminals', { exact: true }).waitFor()
  await terminals.getByText('In use', { exact: true }).waitFor()
  const row = page.locator('[data-connection=here][data-pool=commands]')
  await row.waitFor()
  assert.equal(await row.count(), 1)
  assert.match(await row.textContent(), new RegExp(`${sshd.user}.*127\\.0\\.0\\.1:${sshd.port}`))
  await row.getByText('Idle', { exact: true }).waitFor()
  await row.getByRole('button').click()
  await page.getByRole('dialog').getByRole('button', { name: 'End' }).click()
  await row.waitFor({ state: 'detached' })
  assert.equal(await terminals.count(), 1)
})

test('a list is looked at first, then imported', async () => {
  await page.goto(`${world.url}/servers`)
  await page.getByRole('button', { name: 'Import' }).click()
  const dialog = page.getByRole('dialog')
  await dialog
    .getByLabel('Text')
    .fill('Host app-1\n  HostName 192.0.2.1\n  User deploy\nHost *.example\n  Port 2222\n')
  await dialog.getByRole('button', { name: 'Preview' }).click()
  await dialog.getByText('+ app-1').waitFor()
  assert.equal(await page.locator('[data-server=app-1]').count(), 0)
  await dialog.getByRole('button', { name: /^Import/ }).click()
  await dialog.getByRole('button', { name: 'Done' }).click()
  await page.locator('[data-server=app-1]').waitFor()
})

test('an authority is accepted for host keys, and taken back; known_hosts is looked at first', async () => {
  await page.goto(`${world.url}/hosts`)
  await page.getByRole('button', { name: 'Add an authority' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('test authority')
  await dialog.getByLabel('Public key').fill('not a key')
  await dialog.getByRole('button', { name: 'Add' }).click()
  await dialog.getByRole('alert').waitFor()
  await dialog.getByLabel('Public key').fill(sshd.hostKey)
  await dialog.getByRole('button', { name: 'Add' }).click()
  const row = page.locator('[data-authority="test authority"]')
  await row.getByText(sshd.fingerprint).waitFor()
  await row.getByRole('button', { name: /^Remove/ }).click()
  await dialog.getByRole('button', { name: 'Remove' }).click()
  await page.getByText('None: people are asked').waitFor()
  await page.getByLabel('Text').fill(`192.0.2.1 ${sshd.hostKey}\n`)
  await page.getByRole('button', { name: 'Preview' }).click()
  await page.getByText('Would accept 1').waitFor()
  await page.getByRole('button', { name: 'Accept 1 key' }).click()
  await page.getByText('Accepted 1').waitFor()
})

test('a changed host key is met with both fingerprints, and no question', async () => {
  const old = sshd.fingerprint
  await page.goto(`${world.url}/`)
  await page.locator('.rows a').first().click()
  await terminal.live()
  await sshd.stop()
  await page.locator('.pane.focused .failure, .pane.focused .ending').waitFor()
  await sshd.listen()
  await page.goto(`${world.url}/servers`)
  await page.getByRole('link', { name: 'here', exact: true }).click()
  await page.waitForURL(/\/t\//)
  const failure = page.locator('.pane.focused .failure.changed')
  await failure.waitFor()
  const text = await failure.textContent()
  assert.ok(text.includes(old) && text.includes(sshd.fingerprint), text)
  assert.equal(await page.locator('.prompt').count(), 0)
  await failure.getByRole('link', { name: 'Host keys of the server' }).click()
  await page.getByRole('button', { name: 'What does it show now?' }).click()
  // A key that differs is shown, but not offered to be accepted beside the old one.
  const differs = page.locator('.notice.bad')
  await differs.getByText(sshd.fingerprint).waitFor()
  assert.equal(await differs.getByRole('button', { name: 'Accept' }).count(), 0)
  await page.getByRole('button', { name: /Remove the .* key/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await page.getByText('None is accepted yet').waitFor()
  await page.getByRole('button', { name: 'Open a terminal' }).click()
  const question = page.locator('.prompt.host_key')
  await question.getByText(sshd.fingerprint).waitFor()
  await question.getByRole('button', { name: 'Refuse' }).click()
  await page.locator('.pane.focused .failure').waitFor()
})

test("one disconnects, and only then one's terminals there end", async () => {
  await page.goto(`${world.url}/servers`)
  await page.getByRole('link', { name: 'here', exact: true }).click()
  await page.locator('.prompt.host_key').getByRole('button', { name: 'Accept and remember' }).click()
  await terminal.live()
  await terminal.run('echo open-$((40+2))')
  await terminal.sees(/open-42/)
  await page.goto(`${world.url}/servers`)
  await page.getByRole('link', { name: 'Details of here' }).click()
  await page.locator('[aria-labelledby=server-sessions] li').first().waitFor()
  await page.getByRole('button', { name: 'Disconnect…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Disconnect', exact: true }).click()
  await page.getByText(/Ended: \d+ connections, [1-9]\d* terminals\./).waitFor()
  await page.waitForFunction(() => !document.querySelector('[aria-labelledby=server-sessions] .dot.good'))
})
