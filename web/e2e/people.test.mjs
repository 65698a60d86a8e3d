// People, their logins, tokens and rights: the pages against the real program.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { PASSWORD, Terminal, World } from './world.mjs'

let world
let admin
let grace
const name = () => admin.page.evaluate(async () => (await (await fetch('/api/v1/me')).json()).user.username)

async function browser(options = {}) {
  const context = await world.browser.newContext({ locale: 'en-US', ...options })
  return { context, page: await context.newPage() }
}

/** A request as a page of its own sends it. */
const ask = (page, method, path, body) =>
  page.evaluate(
    async ([method, path, body]) => {
      const response = await fetch(path, {
        method,
        ...(body && { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
      })
      return { status: response.status, body: await response.json().catch(() => null) }
    },
    [method, path, body],
  )

before(async () => {
  world = await World.start()
})

after(() => world?.stop())

test('the first link asks for a password, and is not left in the address', async () => {
  const { context, page } = await browser()
  const link = await world.loginLink()
  await page.goto(link)
  await page.getByRole('heading', { name: /Welcome/ }).waitFor()
  assert.equal(page.url(), `${world.url}/login`)
  // A reload shows it again; nothing has been used up.
  await page.reload()
  await page.getByRole('heading', { name: /Welcome/ }).waitFor()
  const submit = page.getByRole('button', { name: 'Set the password and log in' })
  const [first, second] = [page.getByLabel('New password'), page.getByLabel('Once more')]
  await first.fill('short')
  await page.getByText('7 more').waitFor()
  assert.equal(await submit.isDisabled(), true)
  await first.fill('password1234')
  await second.fill('other')
  await page.getByText('The two are not the same.').waitFor()
  await second.fill('password1234')
  await submit.click()
  // The server's rule: it is among the first that anybody tries.
  await page.locator('.field-error').waitFor()
  await first.fill(PASSWORD)
  await second.fill(PASSWORD)
  await submit.click()
  await page.getByRole('heading', { name: 'Terminals', exact: true }).waitFor()
  await page.goto(link)
  await page.getByText('This link does not work (any more)').waitFor()
  await page.getByText('bastide login-link').waitFor()
  await context.close()
  admin = await world.person()
})

test('a wrong password is refused beside the field; the right one leads where one wanted to be', async () => {
  const { context, page } = await browser()
  await page.goto(`${world.url}/settings`)
  await page.getByRole('heading', { name: 'Log in' }).waitFor()
  const username = await name()
  await world.logIn(page, username, 'not this password')
  await page.getByText(/User name or password is wrong/).waitFor()
  assert.equal(await page.getByLabel('Password').getAttribute('aria-invalid'), 'true')
  await world.logIn(page, username)
  await page.getByRole('heading', { name: 'Settings' }).waitFor()
  assert.equal(page.url(), `${world.url}/settings`)
  await page.getByRole('button', { name: 'Log out', exact: true }).click()
  await page.getByRole('heading', { name: 'Log in' }).waitFor()
  assert.equal((await ask(page, 'GET', '/api/v1/me')).status, 401)
  await context.close()
})

test('a second link keeps the password', async () => {
  const { context, page } = await browser()
  await page.goto(await world.loginLink())
  await page.getByRole('radio', { name: 'Keep my password' }).waitFor()
  await page.getByRole('button', { name: 'Log in' }).click()
  await page.getByRole('heading', { name: 'Terminals', exact: true }).waitFor()
  await context.close()
})

test('a token is shown once, works, and is refused once revoked', async () => {
  const { page } = admin
  await page.goto(`${world.url}/settings`)
  await page.getByText('No tokens yet.').waitFor()
  await page.getByRole('button', { name: 'New token' }).click()
  await page.getByLabel('What it is for').fill('a script')
  await page.getByLabel('Rights').selectOption('read')
  await page.getByLabel('Expires after').selectOption('week')
  await page.getByRole('button', { name: 'Create' }).click()
  const secret = await page.getByLabel('Token', { exact: true }).inputValue()
  assert.match(secret, /^bst_/)
  const use = (method, path) =>
    fetch(world.url + path, {
      method,
      headers: { authorization: `Bearer ${secret}`, 'content-type': 'application/json' },
      ...(method === 'POST' && { body: '{}' }),
    })
  assert.equal((await use('GET', '/api/v1/me')).status, 200)
  assert.equal((await use('POST', '/api/v1/sessions')).status, 403)
  await page.getByRole('button', { name: 'Done' }).click()
  const row = page.locator('[data-token="a script"]')
  await row.getByText('read only').waitFor()
  assert.equal(await page.getByText(secret).count(), 0)
  await row.getByRole('button', { name: /Revoke/ }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Revoke' }).click()
  await row.waitFor({ state: 'detached' })
  assert.equal((await use('GET', '/api/v1/me')).status, 401)
})

test('an administrator makes a user, who sets a password and sees only their own', async () => {
  const { page } = admin
  await page.goto(`${world.url}/users`)
  await page.getByText('You are the only one.').waitFor()
  await page.getByRole('button', { name: 'New user' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('User name').fill('Grace')
  await dialog.getByText(/Begin with a letter or a digit/).waitFor()
  await dialog.getByLabel('User name').fill('grace')
  await dialog.getByLabel(/Name in full/).fill('Night shift')
  await dialog.getByRole('button', { name: /Create/ }).click()
  const url = new URL(await dialog.getByLabel('Login link').inputValue())
  await dialog.getByRole('button', { name: 'Done' }).click()
  await page.locator('[data-user=grace]').getByText('no password yet').waitFor()

  grace = await browser()
  await world.followLink(grace.page, `${world.url}${url.pathname}${url.search}`)
  await grace.page.getByText('No terminals yet').waitFor()
  assert.equal(await grace.page.getByRole('button', { name: 'Open a shell here' }).count(), 0)
  assert.equal(await grace.page.getByRole('link', { name: 'Users' }).count(), 0)
  await grace.page.goto(`${world.url}/users`)
  await grace.page.getByText('There is no such page').waitFor()
})

test('another person’s terminal is as if it were not there', async () => {
  const { page } = admin
  await page.goto(world.url)
  const terminal = await Terminal.open(page)
  await grace.page.goto(`${world.url}/t/${terminal.uid}`)
  await grace.page.getByText(/There is no such terminal/).waitFor()
  assert.equal((await ask(grace.page, 'GET', `/api/v1/sessions/${terminal.uid}`)).status, 404)
  assert.equal((await ask(grace.page, 'GET', `/api/v1/recordings/${terminal.uid}`)).status, 404)
  await grace.page.goto(world.url)
  await grace.page.getByText('No terminals yet').waitFor()
})

test('a share link asks who one is, and leads to the terminal', async () => {
  const { page } = admin
  const uid = new Terminal(page).uid
  const share = await ask(page, 'POST', `/api/v1/sessions/${uid}/shares`, { access: 'watch' })
  assert.equal(share.status, 201)
  const { pathname } = new URL(share.body.url)
  const guest = await browser()
  await guest.page.goto(world.url + pathname)
  await world.logIn(guest.page, 'grace')
  await guest.page.waitForURL(new RegExp(`/t/${uid}`))
  await new Terminal(guest.page).live()
  await grace.page
    .getByRole('link', { name: /bash|sh/ })
    .first()
    .waitFor()
  await guest.page.goto(`${world.url}/s/${'0'.repeat(32)}`)
  await guest.page.getByText('This link does not work (any more)').waitFor()
  await guest.context.close()
})

test('one sees where one is logged in, and ends what is elsewhere', async () => {
  const { page } = admin
  const elsewhere = await browser({ userAgent: 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Firefox/140.0' })
  await elsewhere.page.goto(`${world.url}/settings`)
  await world.logIn(elsewhere.page, await name())
  await elsewhere.page.getByRole('heading', { name: 'Settings' }).waitFor()
  await page.goto(`${world.url}/settings`)
  const row = page.locator('#logins li', { hasText: 'Firefox · Linux' })
  await row.getByRole('button', { name: 'Log out there' }).click()
  await elsewhere.page.getByRole('heading', { name: 'Log in' }).waitFor()
  await row.waitFor({ state: 'detached' })
  await elsewhere.context.close()
})

test('a changed password ends other logins', async () => {
  const other = await browser()
  await other.page.goto(`${world.url}/recordings`)
  await world.logIn(other.page, 'grace')
  await other.page.getByRole('heading', { name: 'Recordings', exact: true }).waitFor()
  const { page } = grace
  await page.goto(`${world.url}/settings`)
  await page.getByRole('button', { name: 'Change the password' }).click()
  const form = page.getByRole('form', { name: 'Change the password' })
  const fill = async (current) => {
    await form.getByLabel('Current password').fill(current)
    await form.getByLabel('New password').fill('another plain sentence')
    await form.getByLabel('Once more').fill('another plain sentence')
    await form.getByRole('button', { name: 'Change the password' }).click()
  }
  await fill('not the one')
  await form.getByText('This is not your current password.').waitFor()
  await fill(PASSWORD)
  await page.getByText('The password is changed.').waitFor()
  await other.page.getByRole('heading', { name: 'Log in' }).waitFor()
  await world.logIn(other.page, 'grace', 'another plain sentence')
  await other.page.getByRole('heading', { name: 'Recordings', exact: true }).waitFor()
  await other.context.close()
})

test('who is disabled is out at once; the last administrator is explained', async () => {
  const { page } = admin
  await page.goto(`${world.url}/users`)
  await page.getByRole('button', { name: 'Edit grace' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('May log in').uncheck()
  await dialog.getByRole('button', { name: 'Save' }).click()
  await page.locator('[data-user=grace]').getByText('disabled').waitFor()
  await grace.page.getByRole('heading', { name: 'Log in' }).waitFor()

  const username = await name()
  await page.getByRole('button', { name: `Edit ${username}` }).click()
  await dialog.getByLabel('May log in').uncheck()
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.getByText(/last administrator/).waitFor()
  await page.keyboard.press('Escape')

  await page.getByRole('button', { name: 'Delete grace' }).click()
  await dialog.getByRole('textbox').fill('grace')
  await dialog.getByRole('button', { name: 'Delete' }).click()
  await page.locator('[data-user=grace]').waitFor({ state: 'detached' })
})

test('nothing went wrong in the page that nobody asked for', () => {
  assert.deepEqual(admin.faults, [])
})
