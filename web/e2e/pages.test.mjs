// Every page with made-up answers: accessible in both themes, both languages and at phone width; and what a real
// server cannot be brought to in a test.

import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { after, before, test } from 'node:test'
import { launch, PAGES, show, VARIANTS } from './pictures.mjs'
import { ADDRESS, session } from './stand-in.mjs'
import { oddFiles } from './stand-in-servers.mjs'
import { visit } from './visit.mjs'

let browser
let axe

before(async () => {
  browser = await launch()
  axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')
})

after(() => browser?.close())

async function serious(page) {
  await page.evaluate(axe)
  const { violations } = await page.evaluate(() => globalThis.axe.run({ resultTypes: ['violations'] }))
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes.map((node) => `${node.html} ${node.failureSummary}`).join('\n')}`)
}

// A language and a width per theme: what axe finds depends on them little, and each costs seconds.
const LOOKS = VARIANTS.filter(
  ({ language, theme, width }) =>
    (theme === 'light' && language === 'en-US' && width === 1440) ||
    (theme === 'dark' && language === 'zh-CN' && width === 390),
)

for (const name of Object.keys(PAGES)) {
  test(`${name}: no serious fault for assistive technology, nothing wider than the window`, async () => {
    for (const look of LOOKS) {
      const { page, context, faults } = await show(browser, name, look)
      assert.deepEqual(await serious(page), [], JSON.stringify(look))
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
      assert.ok(wide <= 0, `${wide} px too wide: ${JSON.stringify(look)}`)
      assert.match(await page.title(), /Bastide$/)
      assert.deepEqual(faults, [])
      await context.close()
    }
  })
}

test('a thousand running terminals are a list that scrolls', async () => {
  const { page, context, server } = await visit(browser, '/', (server) => {
    server.sessions = Array.from({ length: 1000 }, (_, n) => session(n))
  })
  await page.locator('.rows .row').first().waitFor()
  assert.equal(await page.locator('[role=table]').getAttribute('aria-rowcount'), '1001')
  const inPage = await page.locator('.rows .row').count()
  assert.ok(inPage < 80, `${inPage} rows are in the page`)
  // Frames while it scrolls from end to end; the middle one, and with room: the machine has other things to do, and draws without a graphics card.
  const frame = await page.evaluate(async () => {
    const took = []
    let before = performance.now()
    for (let step = 0; step <= 60; step++) {
      window.scrollTo(0, (document.body.scrollHeight * step) / 60)
      await new Promise((shown) => requestAnimationFrame(shown))
      took.push(performance.now() - before)
      before = performance.now()
    }
    return took.sort((a, b) => a - b)[30]
  })
  assert.ok(frame < 300, `a frame takes ${Math.round(frame)} ms`)
  await page.locator(`[data-uid="${server.sessions.at(-1).uid}"]`).waitFor()
  await page.evaluate(() => window.scrollTo(0, 0))
  await page.getByRole('searchbox').fill('nightly')
  await page.locator('[aria-rowcount="201"]').waitFor()
  assert.match(page.url(), /q=nightly/)
  await context.close()
})

test('thousands of entries with odd names are a list that scrolls and is sorted', async () => {
  const { page, context } = await visit(browser, '/servers/3/files', (server) => {
    server.files = oddFiles()
  })
  await page.locator('.rows .row').first().waitFor()
  assert.equal(await page.locator('[role=table]').getAttribute('aria-rowcount'), '5010')
  const first = page.locator('.rows [data-index="0"]')
  const second = page.locator('.rows [data-index="1"]')
  for (const [column, entry] of [
    ['Size', 'entry-0.log'],
    ['Changed', 'entry-4999.log'],
  ]) {
    await page.getByRole('button', { name: column }).click()
    // Folders stay first.
    assert.equal(await first.getAttribute('data-kind'), 'directory')
    await page.locator(`.rows [data-index="1"][data-file="${entry}"]`).waitFor()
  }
  await page.getByRole('button', { name: 'Name' }).click()
  await page.locator('.rows [data-file^="<img"]').waitFor()
  const inPage = await page.locator('.rows .row').count()
  assert.ok(inPage < 80, `${inPage} rows are in the page`)
  const heights = await page
    .locator('.rows .row')
    .evaluateAll((rows) => rows.map((row) => row.getBoundingClientRect().height))
  assert.ok(Math.max(...heights) < 60, `a row is ${Math.max(...heights)} px high`)
  await page.getByRole('searchbox').fill('entry-49')
  await page.locator('[aria-rowcount="112"]').waitFor()
  assert.equal(await second.getAttribute('data-file'), 'entry-490.log')
  await context.close()
})

test('filter, columns and what is shown are in the address', async () => {
  const { page, context } = await visit(browser, '/?q=vim&hide=id,where')
  await page.locator('.rows .row').first().waitFor()
  assert.equal(await page.locator('.rows .row').count(), 1)
  assert.deepEqual(await page.getByRole('columnheader', { name: 'Id' }).count(), 0)
  await page.getByText('Columns', { exact: true }).first().click()
  await page.getByRole('checkbox', { name: 'Where' }).check()
  await page.getByRole('columnheader', { name: 'Where' }).waitFor()
  assert.match(page.url(), /hide=id(&|$)/)
  await page.getByRole('searchbox').fill('nothing of this')
  await page.getByRole('button', { name: 'Clear the filter' }).click()
  await page.locator('[aria-rowcount="6"]').waitFor()
  await context.close()
})

test('several terminals are chosen and ended together', async () => {
  const { page, context, server } = await visit(browser, '/')
  await page.getByRole('checkbox', { name: 'Choose nightly build' }).check()
  await page.getByRole('checkbox', { name: 'Choose htop' }).check()
  await page.getByText('2 chosen').waitFor()
  await page.getByRole('button', { name: 'End them…' }).click()
  const dialog = page.getByRole('dialog', { name: 'End 2 terminals?' })
  await dialog.getByRole('button', { name: 'End' }).click()
  await dialog.waitFor({ state: 'detached' })
  await page.locator('[aria-rowcount="4"]').waitFor()
  assert.equal(server.asked.filter((one) => one.startsWith('DELETE /api/v1/sessions/')).length, 2)
  await context.close()
})

test('who may not open shells or manage people is not offered it', async () => {
  const { page, context } = await visit(browser, '/', (server) => {
    server.rights = []
    server.sessions = [session(1, { access: 'watch' })]
  })
  await page.locator('.rows .row').first().waitFor()
  assert.equal(await page.getByRole('button', { name: 'Open a shell here' }).count(), 0)
  assert.equal(await page.getByRole('link', { name: 'Users' }).count(), 0)
  assert.equal(await page.getByRole('button', { name: /^End/ }).count(), 0)
  assert.match(await page.locator('.cell-name a').getAttribute('href'), /watch=1/)
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox').fill('users')
  assert.equal(await page.getByRole('option', { name: /^Users/ }).count(), 0)
  await page.goto(`${ADDRESS}/users`)
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor()
  await context.close()
})

test('the palette goes anywhere from the keyboard', async () => {
  const { page, context, server } = await visit(browser, '/')
  await page.locator('.rows .row').first().waitFor()
  await page.keyboard.press('Control+k')
  const field = page.getByRole('combobox')
  await field.fill('recdngs')
  await page.getByRole('option', { name: /^Recordings/ }).waitFor()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Recordings', exact: true }).waitFor()
  await page.keyboard.press('Control+k')
  await field.fill('dark')
  await page.keyboard.press('Enter')
  await page.locator('html[data-theme=dark]').waitFor()
  await page.keyboard.press('Control+k')
  await page.keyboard.press('ArrowDown')
  await page.locator('[role=option][aria-selected=true]', { hasText: 'vim' }).waitFor()
  await page.keyboard.press('ArrowUp')
  await page.keyboard.press('ArrowUp')
  const selected = page.locator('[role=option][aria-selected=true]')
  assert.equal(await selected.count(), 1)
  assert.equal(await selected.getAttribute('id'), await field.getAttribute('aria-activedescendant'))
  await page.keyboard.press('Escape')
  await field.waitFor({ state: 'detached' })
  await page.keyboard.press('Control+k')
  await field.fill('log out')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Log in' }).waitFor()
  assert.ok(server.asked.includes('POST /api/v1/logout'))
  await context.close()
})

test('everything on the list can be reached without a mouse', async () => {
  const { page, context } = await visit(browser, '/')
  await page.locator('.rows .row').first().waitFor()
  await page.keyboard.press('Tab')
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'Skip to the content')
  await page.keyboard.press('Enter')
  assert.equal(await page.evaluate(() => document.activeElement.id), 'content')
  await page.locator('.rows a').first().focus()
  await page.keyboard.press('ArrowDown')
  assert.equal(await page.evaluate(() => document.activeElement.textContent), 'vim')
  // Another page: the focus is in its content, and its title says where one is.
  await page.getByRole('link', { name: 'Settings' }).focus()
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Settings' }).waitFor()
  await page.waitForFunction(() => document.activeElement.id === 'content')
  assert.equal(await page.title(), 'Settings · Bastide')
  await context.close()
})

test('too many attempts: how long to wait, counted down', async () => {
  const { page, context } = await visit(browser, '/recordings', (server) => {
    server.me = null
    server.instead.set('POST /api/v1/login', {
      status: 429,
      headers: { 'content-type': 'application/problem+json', 'retry-after': '2' },
      body: JSON.stringify({ type: 'urn:bastide:problem:too_many_attempts', detail: 'too many attempts' }),
    })
  })
  await page.getByLabel('User name').fill('admin')
  await page.getByLabel('Password').fill('wrong')
  await page.keyboard.press('Enter')
  await page.getByText(/Too many attempts. Try again in [12] second/).waitFor()
  assert.equal(await page.getByRole('button', { name: 'Log in' }).isDisabled(), true)
  await page.getByText('You can try again now.').waitFor()
  assert.equal(await page.getByRole('button', { name: 'Log in' }).isDisabled(), false)
  await context.close()
})

test('a server that does not answer is waited for', async () => {
  const { page, context, server } = await visit(browser, '/recordings', (server) => {
    server.instead.set('GET /api/v1/me', 'away')
  })
  await page.getByRole('heading', { name: 'The server does not answer' }).waitFor()
  server.instead.clear()
  await page.getByRole('heading', { name: 'Recordings', exact: true }).waitFor()
  await context.close()
})

test('a login that ends elsewhere leads to the login page, and back to the same place', async () => {
  const { page, context, server } = await visit(browser, '/recordings?q=make')
  await page.locator('.rows .row').first().waitFor()
  server.me = null
  server.tell({ type: 'me' })
  await page.getByRole('heading', { name: 'Log in' }).waitFor()
  await page.getByLabel('User name').fill('admin')
  await page.getByLabel('Password').fill(server.password)
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Recordings', exact: true }).waitFor()
  assert.match(page.url(), /\/recordings\?q=make$/)
  await context.close()
})

test('the last administrator stays one, and the page says why', async () => {
  const { page, context } = await visit(browser, '/users')
  await page.getByRole('button', { name: 'Edit admin' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Role').selectOption('user')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.getByText(/last administrator/).waitFor()
  await page.keyboard.press('Escape')
  await page.getByRole('button', { name: 'Delete admin' }).click()
  const remove = dialog.getByRole('button', { name: 'Delete' })
  assert.equal(await remove.isDisabled(), true)
  await dialog.getByRole('textbox').fill('admin')
  await remove.click()
  await dialog.getByText(/last administrator/).waitFor()
  await context.close()
})

test('a replay goes on at the same moment with another speed, other pauses and another theme', async () => {
  const { page, context, server } = await visit(browser, '/recordings')
  await page.goto(`${ADDRESS}/recordings/${server.recordings[2].id}?t=43.5`)
  const screen = page.locator('.replay-screen')
  await screen.getByText('part_6').waitFor()
  const time = () => page.locator('.controls .time').textContent()
  assert.match(await time(), /^0:04 \/ 0:07$/)
  await page.getByRole('checkbox', { name: 'Skip pauses' }).uncheck()
  await page.getByText('0:43 / 0:46').waitFor()
  await screen.getByText('part_6').waitFor()
  await page.getByLabel('Speed').selectOption('4')
  await screen.getByText('part_6').waitFor()
  await page.emulateMedia({ colorScheme: 'dark' })
  await screen.getByText('part_6').waitFor()
  assert.equal(await screen.getByText('18 passed').count(), 0)
  await page.getByRole('button', { name: 'Play' }).focus()
  await page.keyboard.press('Enter')
  await screen.getByText('18 passed').waitFor()
  await page.locator('.replay[data-playing=ended]').waitFor()
  await page.getByRole('button', { name: /tests begin/ }).click()
  await page.getByText('0:42 / 0:46').waitFor()
  await context.close()
})
