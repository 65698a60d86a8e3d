// Command control as two people meet it: one is refused, and waits; the other approves; both are on record.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Terminal, World } from './world.mjs'

let world
let admin
let reviewer
let uid

before(async () => {
  world = await World.start()
  admin = await world.person()
})

after(() => world?.stop())

async function rule(name, program, action) {
  const { page } = admin
  await page.getByRole('button', { name: 'Add a rule' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name', { exact: true }).fill(name)
  await dialog.getByLabel('Programs', { exact: true }).fill(program)
  await dialog.getByLabel('Action', { exact: true }).selectOption(action)
  await dialog.getByRole('button', { name: 'Take over' }).click()
  await dialog.waitFor({ state: 'detached' })
}

test('a rule that refuses and one that asks for a second person are written', async () => {
  const { page } = admin
  await page.goto(`${world.url}/rules`)
  await rule('No clocks', 'cal\ntty', 'deny')
  await rule('Names are looked at', 'uname', 'review')
  await page.getByRole('button', { name: 'Look and save' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Save' }).click()
  await page.locator('.save-bar').waitFor({ state: 'detached' })
})

test('a second person may decide', async () => {
  const { page } = admin
  await page.goto(`${world.url}/users`)
  await page.getByRole('button', { name: 'New user' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('User name').fill('grace')
  await dialog.getByLabel(/^Role/).selectOption('reviewer')
  await dialog.getByRole('button', { name: /Create/ }).click()
  const url = new URL(await dialog.getByLabel('Login link').inputValue())
  await dialog.getByRole('button', { name: 'Done' }).click()
  const context = await world.browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US' })
  reviewer = { context, page: await context.newPage() }
  await world.followLink(reviewer.page, `${world.url}${url.pathname}${url.search}`)
})

test('what a rule refuses does not run, however it is spelled, and the terminal says so', async () => {
  const { page } = admin
  await page.goto(world.url)
  const terminal = await Terminal.open(page)
  uid = terminal.uid
  await terminal.run("t''ty")
  await page.getByRole('alert').getByText("command refused: t''ty").first().waitFor()
  // What only the shell knows is decided when it starts.
  await terminal.run('x=tt; $x"y"; echo ended=$?')
  await terminal.sees(/ended=126/)
  assert.equal((await terminal.lines(true)).join('\n').includes('/dev/pts'), false)
  // Everything else runs.
  await terminal.run('expr 40 + 2')
  await terminal.sees(/^42/m)
})

test('what is reviewed waits, and runs when the second person has approved it', async () => {
  const { page } = admin
  const terminal = new Terminal(page)
  await terminal.run('uname -s')
  await page.locator('.waits').getByText('uname -s').waitFor()
  await reviewer.page.locator('.rail-badge', { hasText: '1' }).waitFor()
  await reviewer.page.getByRole('link', { name: /^Reviews/ }).click()
  const review = reviewer.page.getByRole('article')
  await review.getByText('uname -s').first().waitFor()
  assert.equal((await terminal.lines()).join('\n').includes('Linux'), false)
  await review.getByLabel('Reason').fill('harmless')
  await review.getByRole('button', { name: 'Approve' }).click()
  await terminal.sees(/^Linux/m)
  await page.locator('.waits').waitFor({ state: 'detached' })
})

test('both are beside the replay, and lead to their second', async () => {
  const { page } = admin
  const terminal = new Terminal(page)
  await terminal.run('exit')
  await page.goto(`${world.url}/recordings/${uid}`)
  const list = page.getByRole('region', { name: 'Commands' })
  await list.locator('[data-action=deny]').getByRole('button').first().waitFor()
  const reviewed = list.locator('[data-action=review]').getByRole('button', { name: /uname/ }).first()
  await reviewed.click()
  await list.locator('[aria-current=true]', { hasText: 'uname' }).waitFor()
  await page.locator('.replay-screen').getByText('ended=126').first().waitFor()
  assert.deepEqual(admin.faults, [])
})
