// Several people in one terminal: the pages against the real program.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Terminal, World } from './world.mjs'

let world
let alice
let bob
let ann
let uid

/** Somebody new, in a browser of their own. */
async function person(username, role) {
  const link = await alice.page.evaluate(
    async ([username, role]) => {
      const post = async (path, body) => {
        const headers = { 'content-type': 'application/json' }
        const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) })
        return response.json()
      }
      const { id } = await post('/api/v1/users', { username, role })
      return (await post(`/api/v1/users/${id}/login-link`, {})).url
    },
    [username, role],
  )
  const { pathname, search } = new URL(link)
  const context = await world.browser.newContext({ locale: 'en-US' })
  const page = await context.newPage()
  await world.followLink(page, `${world.url}${pathname}${search}`)
  return { page, terminal: new Terminal(page) }
}

const people = async (page) => {
  await page.locator('.status-viewers').click()
  return page.getByRole('dialog')
}

const close = async (page) => {
  await page.getByRole('dialog').getByRole('button', { name: 'Done' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
}

before(async () => {
  world = await World.start()
  alice = await world.person()
  await alice.page.goto(world.url)
  alice.terminal = await Terminal.open(alice.page)
  uid = alice.terminal.uid
  bob = await person('bob', 'user')
  ann = await person('ann', 'auditor')
})

after(() => world?.stop())

test('a second person comes by a link and types; the owner sees who is there', async () => {
  await alice.page.locator('.terminal-fit').first().click()
  await alice.page.keyboard.press('Control+Shift+A')
  await alice.page.getByRole('menuitem', { name: 'Share' }).click()
  const dialog = alice.page.getByRole('dialog')
  await dialog.getByRole('combobox').first().selectOption('write')
  await dialog.getByRole('button', { name: 'Make a link' }).click()
  const link = new URL(await dialog.getByRole('textbox', { name: 'Link' }).inputValue())
  await alice.page.keyboard.press('Escape')
  await bob.page.goto(world.url + link.pathname)
  await bob.page.waitForURL(new RegExp(`/t/${uid}`))
  await bob.terminal.live()
  await alice.page.getByText('bob is here and may type').waitFor()
  await bob.terminal.run('clear; echo fr""om bob')
  await alice.terminal.sees(/^from bob$/m)
  const who = await people(alice.page)
  const row = who.locator('[data-viewer=bob]')
  await row.getByText('may type', { exact: true }).waitFor()
  await row.getByText(/by a link · by web · 127\.0\.0\.1/).waitFor()
  await world.picture(alice.page, 'people')
  await close(alice.page)
})

test('the keyboard is handed over and taken back', async () => {
  const who = await people(alice.page)
  await who.locator('[data-viewer=bob]').getByRole('button', { name: 'Give the keyboard' }).click()
  await who.locator('[data-viewer=bob]').getByText('has the keyboard', { exact: true }).waitFor()
  await close(alice.page)
  await bob.page.getByText('You have the keyboard').waitFor()
  await alice.page.locator('.status .badge', { hasText: 'read-only' }).waitFor()
  await alice.terminal.type('n')
  await alice.page.getByText('bob has the keyboard: what you type goes nowhere.').waitFor()
  await bob.terminal.run('clear; echo al""one')
  await alice.terminal.sees(/^alone$/m)
  await world.picture(alice.page, 'keyboard-given')
  await alice.page
    .locator('[data-keyboard=bob]')
    .getByRole('button', { name: 'Take the keyboard back' })
    .click()
  await alice.page.locator('.status-state', { hasText: 'live' }).waitFor()
  await alice.terminal.run('clear; echo mi""ne')
  await bob.terminal.sees(/^mine$/m)
})

test('an auditor watches, cannot type, and is not given the keyboard', async () => {
  await ann.page.goto(`${world.url}/`)
  await ann.page.locator(`[data-uid="${uid}"]`).getByRole('link', { name: /Watch/ }).click()
  await ann.terminal.live()
  await ann.page.locator('.status .badge', { hasText: 'read-only' }).waitFor()
  await alice.page.getByText('ann watches').waitFor()
  await ann.terminal.run('echo ne""ver')
  await alice.terminal.run('clear; echo st""ill')
  await ann.terminal.sees(/^still$/m)
  assert.ok(!(await ann.terminal.shown()).includes('never'))
  const who = await people(alice.page)
  await who.locator('[data-viewer=ann]').getByText('observer').waitFor()
  await who.locator('[data-viewer=ann]').getByRole('button', { name: 'Give the keyboard' }).click()
  await who.getByText(/they may not type here/).waitFor()
  await close(alice.page)
})

test('who watches asks for the keyboard, and is told no and yes', async () => {
  await bob.page.goto(`${world.url}/t/${uid}?watch=1`)
  await bob.terminal.live()
  await bob.terminal.type('x')
  await bob.page.locator('.status-viewers').click()
  const dialog = bob.page.getByRole('dialog')
  await dialog.locator('[data-viewer=bob]').getByRole('button', { name: 'Ask for the keyboard' }).click()
  const asked = alice.page.locator('[data-asks-keyboard=bob]')
  await asked.getByRole('button', { name: 'Not now' }).click()
  await asked.waitFor({ state: 'detached' })
  await dialog.locator('[data-viewer=bob]').getByRole('button', { name: 'Ask for the keyboard' }).click()
  await close(bob.page)
  await asked.getByRole('button', { name: 'Give it' }).click()
  await bob.page.getByText('You have the keyboard').waitFor()
  await bob.page.locator('.terminal-fit').first().click()
  await bob.terminal.run('clear; echo gi""ven')
  await alice.terminal.sees(/^given$/m)
  // It comes back when its holder goes.
  await bob.page.goto(`${world.url}/t/${uid}`)
  await bob.terminal.live()
  await alice.page.locator('.status-state', { hasText: 'live' }).waitFor()
})

test('what one says stands beside the screen, not in it', async () => {
  const who = await people(alice.page)
  await who.getByLabel('Tell everybody here').fill('look at line 3')
  await who.getByRole('button', { name: 'Send' }).click()
  await close(alice.page)
  for (const { page, terminal } of [bob, ann]) {
    const message = page.locator('.note.message', { hasText: 'message from admin: look at line 3' })
    await message.waitFor()
    await message.getByRole('button', { name: 'Dismiss' }).click()
    await message.waitFor({ state: 'detached' })
    assert.ok(!(await terminal.shown()).includes('line 3'))
  }
})

test('who is shown out is gone, and does not come back', async () => {
  const who = await people(alice.page)
  await who.locator('[data-viewer=bob]').getByRole('button', { name: 'Show out' }).click()
  await who.locator('[data-viewer=bob]').waitFor({ state: 'detached' })
  await close(alice.page)
  await bob.page.getByText('You were shown out of this terminal.').waitFor()
  await bob.page.reload()
  await bob.page.getByText(/There is no such terminal/).waitFor()
})

test('an end with a notice is told to everybody, counts down, and comes', async () => {
  const who = await people(alice.page)
  await who.getByLabel('End this terminal with these words').fill('maintenance')
  await who.getByLabel('When').selectOption('10')
  await who.getByRole('button', { name: 'End it' }).click()
  await ann.page.getByText(/this session ends in 10 s: maintenance \(admin\)/).waitFor()
  await ann.page.getByText(/\(\d+ s left\)/).waitFor()
  await world.picture(ann.page, 'ending-soon')
  await ann.page.locator('.note.ending').waitFor()
  await alice.page.locator('.note.ending').waitFor()
  assert.deepEqual(alice.faults, [])
})
