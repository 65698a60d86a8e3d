// Rules on commands against the real program: written, tried, saved, rolled back.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { World } from './world.mjs'

let world
let page
let faults

before(async () => {
  world = await World.start()
  ;({ page, faults } = await world.person())
})

after(() => world?.stop())

test('a rule is tried before it is saved, and holds afterwards', async () => {
  await page.getByRole('link', { name: 'Rules', exact: true }).click()
  await page.getByText('No rules yet').waitFor()
  await page.getByLabel('Command line').fill('sudo rm -rf /srv')
  await page.locator('.try-verdict[data-action=allow]').waitFor()
  await page.getByRole('button', { name: 'Add a rule' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name', { exact: true }).fill('No rm -rf')
  await dialog.getByLabel('Programs', { exact: true }).fill('rm')
  await dialog.getByLabel('Arguments', { exact: true }).fill('-r -R --recursive')
  await dialog.getByLabel('What the person is told, in English').fill('Ask first.')
  await dialog.getByRole('button', { name: 'Take over' }).click()
  const verdict = page.locator('.try-verdict[data-action=deny]', { hasText: 'no-rm-rf' })
  await verdict.waitFor()
  await page.getByText('Ask first.').waitFor()
  await page.getByRole('button', { name: 'Look and save' }).click()
  await dialog.getByLabel('Why (optional)').fill('a test')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'detached' })
  await page.reload()
  await page.locator('[data-rule=no-rm-rf]').waitFor()
  await page.getByLabel('Command line').fill('rm -rf /srv')
  await verdict.waitFor()
})

test('an expression that cannot be read is refused with its place', async () => {
  await page.getByRole('button', { name: 'Add a rule' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Programs', { exact: true }).fill('/(/')
  await dialog.getByLabel('Command line').fill('ls')
  await dialog.locator('.faults code', { hasText: 'programs[0]' }).waitFor()
  await page.keyboard.press('Escape')
})

test('the version before comes back', async () => {
  await page.getByRole('link', { name: 'Versions' }).click()
  await page.getByText('a test').waitFor()
  const versions = page.locator('.versions > ol button')
  const before = await versions.count()
  await versions.last().click()
  await page.getByRole('button', { name: 'Roll back to it' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click()
  await versions.nth(before).waitFor()
  await page.getByRole('link', { name: 'Rules', exact: true }).first().click()
  await page.getByText('No rules yet').waitFor()
})

test('nothing waits, no alert is there, and nothing on the pages complained', async () => {
  await page.goto(`${world.url}/reviews`)
  await page.getByText('Nothing waits').waitFor()
  await page.getByRole('link', { name: 'Alerts' }).click()
  await page.getByRole('heading', { name: 'No alerts' }).waitFor()
  assert.deepEqual(faults, [])
})
