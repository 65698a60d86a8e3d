// Single sign-on in a browser, with a real provider on this machine.

import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { after, before, test } from 'node:test'
import { PASSWORD, World } from './world.mjs'

const PROVIDER = join(import.meta.dirname, '../../tests/clients/node/provider.mjs')

let world
let provider
let admin

async function startProvider(url) {
  provider = spawn(process.execPath, [PROVIDER, `${url}/api/v1/login/oidc/callback`], {
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  for await (const line of createInterface({ input: provider.stdout })) {
    if (!line.startsWith('{')) continue
    const { issuer, client_id, client_secret } = JSON.parse(line)
    return {
      BASTIDE_OIDC_ISSUER: issuer,
      BASTIDE_OIDC_CLIENT_ID: client_id,
      BASTIDE_OIDC_CLIENT_SECRET: client_secret,
      BASTIDE_OIDC_NAME: 'Example',
      BASTIDE_OIDC_SCOPES: 'openid,profile,groups',
      BASTIDE_OIDC_GROUP_MAP: 'team-ops=operations',
      BASTIDE_OIDC_ROLE_MAP: 'team-ops=operator',
    }
  }
  throw new Error('the provider said nothing')
}

async function stopProvider() {
  if (!provider || provider.exitCode !== null || provider.signalCode !== null) return
  const gone = once(provider, 'exit')
  provider.kill('SIGKILL')
  await gone
}

async function browser() {
  const context = await world.browser.newContext({ locale: 'en-US' })
  return { context, page: await context.newPage() }
}

const ask = (page, method, path, body) =>
  page.evaluate(
    async ([method, path, body]) => {
      const headers = body ? { 'content-type': 'application/json' } : {}
      const response = await fetch(path, { method, headers, body: body && JSON.stringify(body) })
      return response.json()
    },
    [method, path, body],
  )

/** What a person does at the provider. */
async function signIn(page, login) {
  await page.locator('[data-sign-on]').click()
  await page.locator('input[name=login]').fill(login)
  await page.locator('input[name=password]').fill('anything')
  await page.locator('button[type=submit]').click()
  // Then it asks whether this server may know.
  await page.locator('input[name=prompt][value=consent]').waitFor({ state: 'attached' })
  await page.locator('button[type=submit]').click()
}

before(async () => {
  world = await World.start(startProvider)
  admin = (await browser()).page
  await admin.goto(await world.loginLink())
  await admin.getByLabel('New password').fill(PASSWORD)
  await admin.getByLabel('Once more').fill(PASSWORD)
  await admin.getByRole('button', { name: 'Set the password and log in' }).click()
  await admin.getByRole('heading', { name: 'Terminals', exact: true }).waitFor()
  await ask(admin, 'POST', '/api/v1/groups', { name: 'operations' })
})

after(async () => {
  await world?.stop()
  await stopProvider()
})

test('somebody signs in with the provider, lands where they wanted to be, in the mapped group and role', async () => {
  const { context, page } = await browser()
  await page.goto(`${world.url}/recordings?q=make`)
  await page.getByRole('link', { name: 'Sign in with Example' }).waitFor()
  await signIn(page, 'ann')
  await page.getByRole('heading', { name: 'Recordings' }).waitFor()
  assert.equal(page.url(), `${world.url}/recordings?q=make`)
  const { user } = await ask(page, 'GET', '/api/v1/me')
  assert.deepEqual([user.username, user.display_name, user.role], ['ann', 'Ann Lee', 'operator'])
  const groups = await ask(admin, 'GET', '/api/v1/groups')
  assert.ok(JSON.stringify(groups).includes(`"members":[${user.id}]`), JSON.stringify(groups))
  // The cookie of the way there is gone, and the login's is nobody's to read.
  const cookies = await context.cookies()
  assert.deepEqual(
    cookies
      .filter(({ name }) => name.startsWith('bastide_'))
      .map(({ httpOnly, sameSite }) => [httpOnly, sameSite]),
    [[true, 'Strict']],
  )

  await admin.goto(`${world.url}/users`)
  const row = admin.locator('[data-user=ann]')
  await row.getByText('single sign-on').waitFor()
  await row.getByRole('button', { name: 'Edit ann' }).click()
  await admin.getByRole('button', { name: 'Single sign-on', exact: true }).click()
  await admin.locator('[data-identity=ann]').waitFor()
  await context.close()
})

test('an administrator takes an identity away: they are out at once, and told why the next time', async () => {
  const { context, page } = await browser()
  await page.goto(`${world.url}/login`)
  await signIn(page, 'bob')
  await page.getByRole('heading', { name: 'Terminals', exact: true }).waitFor()
  const { user } = await ask(page, 'GET', '/api/v1/me')
  assert.equal(user.role, 'user', 'a provider gives no role that is not mapped')
  await admin.goto(`${world.url}/users`)
  await admin.locator('[data-user=bob]').getByRole('button', { name: 'Edit bob' }).click()
  await admin.getByRole('button', { name: 'Single sign-on', exact: true }).click()
  await admin.getByRole('button', { name: 'Remove bob' }).click()
  await admin.getByRole('dialog').getByRole('button', { name: 'Remove', exact: true }).click()
  await page.locator('[data-sign-on]').waitFor()
  // The provider still knows them, and asks nothing.
  await page.locator('[data-sign-on]').click()
  await page.getByText('Somebody here has this user name already').waitFor()
  await context.close()
})

test('with the provider gone people are told so, and passwords still work', async () => {
  await stopProvider()
  await world.stopServer()
  await world.startServer()
  const { context, page } = await browser()
  await page.goto(`${world.url}/login`)
  await page.locator('[data-sign-on]').click()
  await page.getByText('The provider of single sign-on cannot be reached now.').waitFor()
  await page.getByLabel('User name').fill('admin')
  await page.getByLabel('Password').fill(PASSWORD)
  await page.getByRole('button', { name: 'Log in', exact: true }).click()
  await page.getByRole('heading', { name: 'Terminals', exact: true }).waitFor()
  await context.close()
})
