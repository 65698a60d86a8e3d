// The second step of logging in: an app for codes, passkeys in a virtual authenticator (Chromium's, over its DevTools
// protocol), recovery codes; and who must set one up to get in.

import assert from 'node:assert/strict'
import { createHmac } from 'node:crypto'
import { after, before, test } from 'node:test'
import { PASSWORD, World } from './world.mjs'

let world
let admin
/** The app's secret and the recovery codes. */
let secret
let codes
/** The code that it was confirmed with. */
let used

/** RFC 6238, so many steps from now. */
function code(steps = 0) {
  const letters = [...secret].map((letter) => 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(letter))
  const bits = letters.map((value) => value.toString(2).padStart(5, '0')).join('')
  const key = Buffer.from(bits.match(/.{8}/g).map((byte) => Number.parseInt(byte, 2)))
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps))
  const digest = createHmac('sha1', key).update(counter).digest()
  const number = digest.readUInt32BE(digest[19] & 15) & 0x7fffffff
  return String(number % 1_000_000).padStart(6, '0')
}

/** An authenticator that says yes, with the person verified. */
async function authenticator(context, page) {
  const cdp = await context.newCDPSession(page)
  await cdp.send('WebAuthn.enable')
  await cdp.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      ...{ protocol: 'ctap2', transport: 'internal', hasResidentKey: true },
      ...{ hasUserVerification: true, isUserVerified: true, automaticPresenceSimulation: true },
    },
  })
}

const settings = async (page) => {
  await page.goto(`${world.url}/settings`)
  await page.getByRole('heading', { name: 'Two-step sign-in' }).waitFor()
  return page.locator('#factors')
}
const inside = (page) => page.getByRole('heading', { name: 'Terminals', exact: true }).waitFor()

async function out(page) {
  await page.getByRole('button', { name: 'Log out', exact: true }).click()
  await page.getByRole('heading', { name: 'Log in' }).waitFor()
  await page.goto(`${world.url}/`)
  await page.locator('input[name=username]').waitFor()
}

/** The first step; ends where the second is asked for. */
async function first(page, username = 'admin') {
  await world.logIn(page, username)
  await page.locator('#second-title').waitFor()
}

before(async () => {
  world = await World.start()
  // Browsers have passkeys at a name.
  world.url = world.url.replace('127.0.0.1', 'localhost')
  admin = await world.person()
  await authenticator(admin.context, admin.page)
})

after(() => world?.stop())

test('an app is set up with its picture and its first code, and the recovery codes are shown once', async () => {
  const { page } = admin
  const section = await settings(page)
  await section.getByRole('button', { name: 'Set up an app' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Your password').fill('not this one')
  await page.keyboard.press('Enter')
  await dialog.getByText('This is not your current password.').waitFor()
  await dialog.getByLabel('Your password').fill(PASSWORD)
  await page.keyboard.press('Enter')
  await dialog.locator('.qr svg').waitFor()
  secret = (await dialog.locator('.command code').textContent()).replaceAll(' ', '')
  assert.match(secret, /^[A-Z2-7]{32}$/)
  const field = dialog.getByLabel('Code of the app')
  assert.equal(await field.getAttribute('autocomplete'), 'one-time-code')
  await field.fill('000000')
  await page.keyboard.press('Enter')
  await dialog.getByText(/This code is wrong/).waitFor()
  // As it stands in some apps.
  used = code()
  await field.fill(`${used.slice(0, 3)} ${used.slice(3)}`)
  await world.picture(page, 'factors-app')
  await page.keyboard.press('Enter')
  const list = page.getByRole('list', { name: 'Recovery codes' })
  await list.waitFor()
  codes = await list.locator('code').allInnerTexts()
  assert.equal(codes.length, 10)
  const saved = page.waitForEvent('download')
  await dialog.getByText('Save as a file').click()
  assert.equal((await saved).suggestedFilename(), 'bastide-localhost.txt')
  await dialog.getByRole('button', { name: 'I have kept them' }).click()
  await section.getByText('10 are left.').waitFor()
})

test('the password alone is not enough: a code is, once', async () => {
  const { page } = admin
  await out(page)
  await first(page)
  const field = page.getByLabel('Code of the app')
  assert.equal(await field.evaluate((one) => one === document.activeElement), true)
  await field.fill('123')
  assert.equal(await page.getByRole('button', { name: 'Log in', exact: true }).isDisabled(), true)
  // The code that set it up was used; that of the next half minute is good already.
  await field.fill(used)
  await page.keyboard.press('Enter')
  await page.getByText(/This code is wrong/).waitFor()
  const good = code(1)
  await field.fill(good)
  await page.keyboard.press('Enter')
  await inside(page)
  await out(page)
  await first(page)
  await page.getByLabel('Code of the app').fill(good)
  await page.keyboard.press('Enter')
  await page.getByText(/This code is wrong/).waitFor()
})

test('a recovery code lets in once', async () => {
  const { page } = admin
  const enter = async (recovery) => {
    await page.getByRole('button', { name: 'Use a recovery code' }).click()
    await page.getByLabel('Recovery code').fill(recovery)
    await page.keyboard.press('Enter')
  }
  await enter(codes[0].toUpperCase())
  await inside(page)
  const section = await settings(page)
  await section.getByText('9 are left.').waitFor()
  await out(page)
  await first(page)
  await enter(codes[0])
  await page.getByText(/This code is wrong/).waitFor()
  await page.getByLabel('Recovery code').fill(codes[1])
  await page.keyboard.press('Enter')
  await inside(page)
})

test('a passkey is made, named, and lets in without the password', async () => {
  const { page } = admin
  const section = await settings(page)
  await section.getByRole('button', { name: 'Add a passkey' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name').fill('this laptop')
  await dialog.getByLabel('Your password').fill(PASSWORD)
  await dialog.getByRole('button', { name: 'Make it' }).click()
  const row = section.locator('[data-factor="this laptop"]')
  await row.getByText('never used').waitFor()
  await section.getByRole('button', { name: 'Add a passkey' }).click()
  await dialog.getByLabel('Name').fill('the same again')
  await dialog.getByLabel('Your password').fill(PASSWORD)
  await dialog.getByRole('button', { name: 'Make it' }).click()
  await dialog.getByText('This device or key has a passkey for you already.').waitFor()
  await dialog.getByRole('button', { name: 'Cancel' }).click()
  await row.getByRole('button', { name: 'Rename this laptop' }).click()
  await dialog.getByLabel('Name').fill('work laptop')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await section.locator('[data-factor="work laptop"]').waitFor()
  await world.picture(page, 'factors')

  await out(page)
  await page.getByRole('button', { name: 'Log in with a passkey' }).click()
  await inside(page)
  await out(page)
  await first(page)
  await page.getByRole('button', { name: 'Use a passkey' }).click()
  await page.locator('.card .ant-btn-primary').click()
  await inside(page)
  await settings(page)
  await section
    .locator('[data-factor="work laptop"]')
    .getByText(/last used/)
    .waitFor()
})

test('a passkey that is removed is refused', async () => {
  const { page } = admin
  const section = await settings(page)
  await section.getByRole('button', { name: 'Remove work laptop' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Your password').fill(PASSWORD)
  await dialog.getByRole('button', { name: 'Remove' }).click()
  await section.locator('[data-factor="work laptop"]').waitFor({ state: 'detached' })
  await out(page)
  await page.getByRole('button', { name: 'Log in with a passkey' }).click()
  await page.getByText('This passkey does not let you in.').waitFor()
  assert.deepEqual(admin.faults, [])
})

test('whose role needs a second step sets it up before they are in, and an administrator resets it', async () => {
  await world.stopServer()
  world.env.BASTIDE_SECOND_FACTOR = 'user'
  await world.startServer()
  // Whoever had no factor and needs none still gets in.
  const { page } = admin
  await page.goto(`${world.url}/`)
  await first(page)
  await page.getByRole('button', { name: 'Use a recovery code' }).click()
  await page.getByLabel('Recovery code').fill(codes[2])
  await page.keyboard.press('Enter')
  await inside(page)
  const call = (path, body) =>
    page.evaluate(
      async ([path, body]) => {
        const headers = { 'content-type': 'application/json' }
        return (await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) })).json()
      },
      [path, body],
    )
  const grace = await call('/api/v1/users', { username: 'grace', role: 'user' })
  const link = new URL((await call(`/api/v1/users/${grace.id}/login-link`, {})).url)

  const context = await world.browser.newContext({ locale: 'en-US' })
  const theirs = await context.newPage()
  await theirs.goto(`${world.url}${link.pathname}${link.search}`)
  await theirs.getByLabel('New password').fill(PASSWORD)
  await theirs.getByLabel('Once more').fill(PASSWORD)
  await theirs.locator('form.card button[type=submit]').click()
  await theirs.getByRole('heading', { name: 'Set up a second step' }).waitFor()
  await theirs.locator('.qr svg').waitFor()
  secret = (await theirs.locator('.command code').textContent()).replaceAll(' ', '')
  await theirs.getByLabel('Code of the app').fill(code())
  await theirs.keyboard.press('Enter')
  await theirs.getByRole('list', { name: 'Recovery codes' }).waitFor()
  await theirs.getByRole('button', { name: 'I have kept them' }).click()
  await inside(theirs)

  await page.goto(`${world.url}/users`)
  await page.getByRole('button', { name: /Edit/ }).nth(1).click()
  await page.getByRole('button', { name: 'Reset second step' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Reset' }).click()
  await page.getByRole('dialog').waitFor({ state: 'detached' })
  // They are out at once, and set up another one when they come again.
  await theirs.reload()
  await first(theirs, 'grace')
  await theirs.getByRole('heading', { name: 'Set up a second step' }).waitFor()
  await context.close()
})
