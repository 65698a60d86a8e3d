// Rights that are asked for and granted, and who can reach what: the pages against the real program.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { World } from './world.mjs'

let world
let admin
let grace

const post = (page, path, body) =>
  page.evaluate(
    async ([path, body]) => {
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(path, { method: 'POST', headers, body: JSON.stringify(body) })
      return response.json()
    },
    [path, body],
  )

before(async () => {
  world = await World.start()
  admin = await world.person()
  await post(admin.page, '/api/v1/servers', { name: 'web', host: '192.0.2.1' })
  const { id } = await post(admin.page, '/api/v1/users', { username: 'grace', role: 'user' })
  const { url } = await post(admin.page, `/api/v1/users/${id}/login-link`, {})
  const link = new URL(url)
  const context = await world.browser.newContext({ locale: 'en-US' })
  grace = { page: await context.newPage() }
  await world.followLink(grace.page, `${world.url}${link.pathname}${link.search}`)
})

after(() => world?.stop())

test('rights are asked for, and who decides sees it without a reload', async () => {
  await admin.page.goto(`${world.url}/requests`)
  await admin.page.getByText('Nothing waits for an answer.').waitFor()
  const { page } = grace
  await page.goto(`${world.url}/servers`)
  await page.getByRole('link', { name: 'Requests' }).click()
  await page.getByRole('button', { name: 'Ask for access' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Server', { exact: true }).fill('web')
  await dialog.getByLabel('What for').fill('a disk is full')
  await dialog.getByRole('button', { name: 'Ask for access' }).click()
  await dialog.waitFor({ state: 'detached' })
  await page.locator('[data-request="1"]').getByRole('button', { name: 'Take back' }).waitFor()
  assert.equal(await page.getByRole('button', { name: 'Approve' }).count(), 0)
  await admin.page.locator('[data-request="1"]').getByText('a disk is full').waitFor()
})

test('a yes shows at once, and gives the server', async () => {
  const request = admin.page.locator('[data-request="1"]')
  await request.getByRole('combobox').selectOption({ label: '1 hour' })
  await request.getByLabel('Reason').fill('for now')
  await request.getByRole('button', { name: 'Approve' }).click()
  await admin.page.locator('[data-request="1"][data-state=approved]').waitFor()
  const { page } = grace
  await page.locator('[data-request="1"][data-state=approved]').getByText('admin: for now').waitFor()
  await page.goto(`${world.url}/servers`)
  await page.getByText('web', { exact: true }).first().waitFor()
})

test('who can reach it is told with the reason', async () => {
  const { page } = admin
  await page.goto(`${world.url}/servers/1`)
  const reach = page.locator('[data-reach=grace]')
  await reach.getByText(/asked for in request 1/).waitFor()
  await page
    .locator('[data-reach=admin]')
    .getByText(/by the role/)
    .waitFor()
  await page.goto(`${world.url}/users`)
  await page.getByRole('button', { name: 'What grace can reach, and why' }).click()
  await page
    .getByRole('dialog')
    .locator('[data-reach=web]')
    .getByText(/by grant 1/)
    .waitFor()
})

test('nothing went wrong in the page that nobody asked for', () => {
  assert.deepEqual(admin.faults, [])
})
