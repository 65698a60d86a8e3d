// Session settings with made-up answers: what a person does with them, and what is asked for it.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch } from './pictures.mjs'
import { ADDRESS } from './stand-in.mjs'
import { visit } from './visit.mjs'

let browser

before(async () => {
  browser = await launch()
})

after(() => browser?.close())

const FAULTS = {
  status: 422,
  headers: { 'content-type': 'application/problem+json' },
  body: JSON.stringify({
    ...{ type: 'urn:bastide:problem:invalid_settings', detail: 'the settings cannot be taken' },
    faults: [
      { place: 'umask', what: 'three octal digits, such as 022' },
      { place: 'environment[2].name', what: 'it is there twice' },
      { place: 'deny[1]', what: 'a name of a variable' },
    ],
  }),
}

test('settings for everybody are changed, and what is wrong stands at its field', async () => {
  const { page, context, server } = await visit(browser, '/limits')
  const memory = page.getByRole('group', { name: 'All programs of a session together' }).getByLabel('Memory')
  assert.equal(await memory.inputValue(), '2G')
  const save = page.getByRole('button', { name: 'Save' })
  await memory.fill('much')
  await page.getByText('This is no number of this kind.').waitFor()
  assert.equal(await save.isDisabled(), true)
  await memory.fill('512M')
  await page.getByLabel('umask').fill('9')
  await page.getByLabel('Variables that no session gets').fill('AWS_*\nA B')
  await page.getByRole('button', { name: 'Add a variable' }).click()
  await page.getByLabel('Name of variable 3').fill('HTTP_PROXY')
  server.instead.set('PUT /api/v1/session-settings/global', FAULTS)
  await save.click()
  await page.getByText('Some fields need another look').waitFor()
  await page.locator('.field.wrong', { hasText: 'three octal digits' }).getByLabel('umask').waitFor()
  await page.locator('.variable.wrong', { hasText: 'it is there twice' }).waitFor()
  await page.getByText('Line 2: a name of a variable').waitFor()

  server.instead.clear()
  await page.getByLabel('umask').fill('077')
  await page.getByLabel('Variables that no session gets').fill('AWS_*')
  await page.getByLabel('Name of variable 3').fill('DB_PASSWORD')
  await page.getByLabel('Value of variable 3').fill('hunter2')
  await page.getByLabel('secret', { exact: true }).nth(2).check()
  assert.equal(await page.getByLabel('Value of variable 3').getAttribute('type'), 'password')
  await save.click()
  await page.getByText('Changed last by admin').waitFor()
  await page.waitForFunction(() => !document.querySelector('.field.wrong'))
  const { version, settings } = server.sessionSettings.global
  assert.equal(version, 4)
  assert.deepEqual([settings.umask, settings.limits.group.memory], ['077', 512 * 1024 ** 2])
  // The secret that stays is named without a value.
  assert.deepEqual(settings.environment.slice(1), [
    { name: 'API_TOKEN', secret: true },
    { name: 'DB_PASSWORD', value: 'hunter2', secret: true },
  ])
  await context.close()
})

test('who was late reads anew', async () => {
  const { page, context, server } = await visit(browser, '/limits')
  await page.getByLabel('umask').fill('000')
  const { global } = server.sessionSettings
  server.sessionSettings.global = { ...global, version: 4, settings: { ...global.settings, umask: '007' } }
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Somebody else has changed these settings').waitFor()
  await page.getByRole('button', { name: 'Read them anew' }).click()
  await page.waitForFunction(() => document.querySelector('input[value="007"]') !== null)
  await context.close()
})

test('a server and a person have their own, and show what they inherit', async () => {
  const { page, context, server } = await visit(browser, '/servers/3')
  await page.getByRole('button', { name: 'Session settings' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('What is left empty is as it is for everybody.').waitFor()
  assert.equal(await dialog.getByLabel('umask').getAttribute('placeholder'), '027')
  assert.equal(await dialog.getByLabel('Ends when nothing happens for').getAttribute('placeholder'), '8h')
  await dialog.getByText("From everybody's: AWS_*.").waitFor()
  assert.equal(await dialog.getByLabel('Open sessions at a time').count(), 0)
  await dialog.getByLabel('Ends after').fill('12h')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'detached' })
  assert.equal(server.sessionSettings['servers/3'].settings.max_lifetime, 43_200)

  await page.goto(`${ADDRESS}/users`)
  await page.getByRole('button', { name: /^Edit/ }).first().click()
  await dialog.getByRole('button', { name: 'Session settings' }).click()
  await dialog.getByLabel('Open sessions at a time').fill('2')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'detached' })
  const of = Object.entries(server.sessionSettings).find(([key]) => key.startsWith('users/'))
  assert.equal(of[1].settings.max_sessions, 2)
  await context.close()
})

test('everybody sees what holds for them, and nobody who may not is offered to change it', async () => {
  const { page, context, server } = await visit(browser, '/settings', (server) => {
    server.rights = []
  })
  const section = page.getByRole('region', { name: 'Your sessions' })
  await section.locator('div', { hasText: 'API_TOKEN' }).getByText('a secret').first().waitFor()
  await section.getByText('2G').waitFor()
  await section.getByText('of_tomorrow').waitFor()
  assert.equal(await section.getByRole('textbox').count(), 0)
  await page.goto(`${ADDRESS}/limits`)
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor()
  assert.equal(server.asked.includes('GET /api/v1/session-settings/global'), false)
  await context.close()
})
