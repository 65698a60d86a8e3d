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

test('a changed host key is met with both fingerprints, and no question', async () => {
  const old = sshd.fingerprint
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
  await page.getByRole('button', { name: /Remove the .* key/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Remove' }).click()
  await page.getByText('None is accepted yet').waitFor()
  await page.getByRole('button', { name: 'Open a terminal' }).click()
  const question = page.locator('.prompt.host_key')
  await question.getByText(sshd.fingerprint).waitFor()
  await question.getByRole('button', { name: 'Refuse' }).click()
  await page.locator('.pane.focused .failure').waitFor()
})
