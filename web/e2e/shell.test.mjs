// The list, recordings and settings as somebody uses them: the pages against the real program.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { Terminal, World } from './world.mjs'

let world
let person
let uid

before(async () => {
  world = await World.start()
  person = await world.person()
})

after(() => world?.stop())

test('what runs is listed, found by the palette, and ended', async () => {
  const { page } = person
  const first = await Terminal.open(page)
  uid = first.uid
  await first.run('echo rec""orded; sleep 0.4; seq 30')
  await first.sees(/^30$/m)
  await page.goto(world.url)
  await page.locator(`[data-uid="${uid}"][data-state=running]`).waitFor()
  const second = await Terminal.open(page)
  await second.run('printf "\\e]0;the second one\\a"')
  // In a terminal Ctrl-K is the shell's; with Shift it is the page's.
  await second.type('echo gone')
  await second.press('Control+a')
  await second.press('Control+k')
  assert.equal(await page.getByRole('combobox').count(), 0)
  await second.press('Control+Shift+k')
  await page.getByRole('combobox').fill('terminals')
  await page.keyboard.press('Enter')
  await page.getByRole('heading', { name: 'Terminals', exact: true }).waitFor()
  await page.keyboard.press('Control+k')
  await page.getByRole('combobox').fill('the second')
  await page.getByRole('option', { name: /the second one/ }).waitFor()
  await page.keyboard.press('Enter')
  await page.waitForURL(new RegExp(second.uid ?? 'none'))
  await new Terminal(page).live()
  await page.goto(world.url)
  await page.locator('.rows .row').nth(1).waitFor()
  await page.getByRole('checkbox', { name: 'Choose all' }).check()
  await page.getByText('2 chosen').waitFor()
  await page.getByRole('button', { name: 'End them…' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'End' }).click()
  await page.getByRole('radio', { name: /^Ended/ }).check({ force: true })
  await page.locator(`[data-uid="${uid}"][data-state=ended]`).waitFor()
})

test('a recording is found, replayed from a moment, sought in, and taken away', async () => {
  const { page } = person
  await page.goto(`${world.url}/recordings`)
  await page.locator(`[data-recording="${uid}"]`).getByText('complete').waitFor()
  await page.getByRole('searchbox').fill('no such thing')
  await page.getByText('Nothing fits “no such thing”.').waitFor()
  await page.getByRole('button', { name: 'Clear the filter' }).click()
  await page.locator(`[data-recording="${uid}"] a`).first().click()
  await page.waitForURL(`${world.url}/recordings/${uid}`)
  const screen = page.locator('.replay-screen')
  const seek = page.getByRole('slider', { name: 'Position' })
  await seek.focus()
  await page.keyboard.press('End')
  await screen.getByText(/^30/).waitFor()
  await page.keyboard.press('Home')
  await screen.getByText(/^30/).waitFor({ state: 'detached' })
  await page.locator('.facts dt').first().click()
  await page.keyboard.press('Space')
  await page.locator('.replay[data-playing=ended]').waitFor()
  await screen.getByText(/^30/).waitFor()
  await page.goto(`${world.url}/recordings/${uid}?t=9999`)
  await screen.getByText(/^30/).waitFor()
  const download = page.waitForEvent('download')
  await page.getByRole('link', { name: 'Download v2' }).click()
  const chunks = []
  for await (const chunk of await (await download).createReadStream()) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  assert.equal(JSON.parse(text.split('\n')[0]).version, 2)
  assert.match(text, /recorded/)
  await page.goto(`${world.url}/recordings/${uid.replace(/.$/, (last) => (last === '0' ? '1' : '0'))}`)
  await page.getByRole('heading', { name: 'There is no such recording' }).waitFor()
})

test('settings hold at once, after a reload, and in every window', async () => {
  const { page, context } = person
  const other = await context.newPage()
  await other.goto(`${world.url}/recordings`)
  await page.goto(`${world.url}/settings`)
  await page.getByLabel('Theme').selectOption('light')
  await page.locator('html[data-theme=light]').waitFor()
  await other.locator('html[data-theme=light]').waitFor()
  await page.getByLabel('Language').selectOption('zh-CN')
  await other.getByRole('heading', { name: '录像' }).waitFor()
  await page.reload()
  await page.getByRole('heading', { name: '设置' }).waitFor()
  assert.equal(await page.getAttribute('html', 'lang'), 'zh-CN')
  const size = page.getByLabel('字号（像素）')
  await size.fill('900')
  await page.getByText('请输入 8 到 32 之间的整数。').waitFor()
  await size.fill('20')
  await other.goto(world.url)
  const terminal = await Terminal.open(other)
  assert.equal(
    await other.evaluate(() => document.querySelector('.terminal-fit').terminal.options.fontSize),
    20,
  )
  await terminal.run('exit')
  await other.close()
  await page.getByLabel('语言').selectOption('en')
  await page.getByLabel('Theme').selectOption('system')
})

test('while the server restarts the list stays, and says that it may be old', async () => {
  const { page } = person
  await page.goto(world.url)
  await page.getByRole('heading', { name: 'Terminals', exact: true }).waitFor()
  await page.locator('.tools').waitFor()
  await world.stopServer()
  await page.getByText(/Not connected to the server/).waitFor()
  await world.startServer()
  await page.getByText(/Not connected to the server/).waitFor({ state: 'detached' })
})

test('a page that is not there says so, with a way back', async () => {
  const { page } = person
  await page.goto(`${world.url}/no/such/page`)
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor()
  await page.getByRole('link', { name: 'All terminals' }).click()
  await page.waitForURL(`${world.url}/`)
})

test('at phone width one can do the same', async () => {
  const { page } = person
  await page.setViewportSize({ width: 390, height: 844 })
  await page.goto(world.url)
  await page.getByRole('link', { name: 'Recordings' }).click()
  await page.locator('.rows .row').first().waitFor()
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth)
  assert.ok(wide <= 0, `${wide} px too wide`)
  await page.locator('.rows a').first().click()
  await page.getByRole('button', { name: 'Play' }).waitFor()
})

test('nothing went wrong in the page that nobody asked for', () => {
  assert.deepEqual(person.faults, [])
})
