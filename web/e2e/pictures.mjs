// Every page in both languages, both themes and two widths, with made-up data: `node e2e/pictures.mjs FOLDER [page…]`.

import { join, resolve } from 'node:path'
import { chromium } from 'playwright-core'
import { ADDRESS, recording, StandIn, session } from './stand-in.mjs'

const [folder = '.', ...only] = process.argv.slice(2)

/** By name: an address, what to do to the server before, and to the page after. */
export const PAGES = {
  login: { at: '/login', server: (server) => Object.assign(server, { me: null }) },
  'login-wrong': {
    at: '/login?next=/settings',
    server: (server) => Object.assign(server, { me: null }),
    page: async (page) => {
      await page.locator('input[name=username]').fill('admin')
      await page.locator('input[name=password]').fill('wrong')
      await page.keyboard.press('Enter')
      await page.locator('.field-error').waitFor()
    },
  },
  link: {
    at: '/login?token=0a0b0c',
    server: (server) => Object.assign(server, { me: null }),
    page: async (page) => {
      await page.locator('input[name=new-password]').fill('correct horse battery')
      await page.locator('input[name=new-password-again]').fill('correct cow')
    },
  },
  'link-keep': { at: '/login?token=1a0b0c', server: (server) => Object.assign(server, { me: null }) },
  'link-refused': { at: '/login?token=zz', server: (server) => Object.assign(server, { me: null }) },
  home: {
    at: '/?show=all',
    server: (server) => {
      server.sessions[3] = session(3, { recording: { state: 'stalled', reason: 'the disk is full' } })
      server.sessions.push(session(5, { state: 'ended', exit: { code: 0 }, recording: { state: 'closed' } }))
      server.sessions.push(
        session(6, { state: 'ended', exit: { code: 127 }, recording: { state: 'closed' } }),
      )
    },
    page: (page) => page.locator('.recent li').first().waitFor(),
  },
  'home-empty': { at: '/', server: (server) => Object.assign(server, { sessions: [], recordings: [] }) },
  'home-waiting': {
    at: '/',
    server: (server) => Object.assign(server, { waiting: 'connection refused' }),
    page: (page) => page.locator('.notice').first().waitFor(),
  },
  recordings: { at: '/recordings', page: (page) => page.locator('.rows .row').first().waitFor() },
  'recordings-empty': { at: '/recordings', server: (server) => Object.assign(server, { recordings: [] }) },
  replay: {
    at: `/recordings/${recording(2).id}?t=43.5`,
    page: (page) => page.locator('.ap-line', { hasText: 'part_6' }).waitFor(),
  },
  users: { at: '/users', page: (page) => page.locator('.rows .row').first().waitFor() },
  'users-new': {
    at: '/users',
    page: async (page) => {
      await page.locator('.page-head button').click()
      await page.locator('dialog input').first().fill('Ops!')
    },
  },
  settings: { at: '/settings', page: (page) => page.locator('[data-token]').first().waitFor() },
  'settings-revoke': {
    at: '/settings',
    page: async (page) => {
      await page.locator('[data-token] button').first().click()
      await page.locator('dialog').waitFor()
    },
  },
  palette: {
    at: '/',
    page: async (page) => {
      await page.locator('.rows .row').first().waitFor()
      await page.keyboard.press('Control+k')
      await page.locator('.palette-item').first().waitFor()
    },
  },
  keys: {
    at: '/recordings',
    page: async (page) => {
      await page.locator('.rows .row').first().waitFor()
      await page.keyboard.press('?')
      await page.locator('.keys').waitFor()
    },
  },
  missing: { at: '/nowhere' },
  'share-refused': { at: '/s/abc' },
}

/** A page of `PAGES` as it looks for somebody. */
export async function show(browser, name, { language, theme, width }) {
  const { at, server: prepare, page: act } = PAGES[name]
  const context = await browser.newContext({
    viewport: { width, height: width < 500 ? 844 : 900 },
    locale: language,
    colorScheme: theme,
    hasTouch: width < 500,
  })
  const server = new StandIn()
  prepare?.(server)
  await server.install(context)
  const page = await context.newPage()
  const faults = []
  page.on('pageerror', (error) => faults.push(String(error)))
  page.on('console', (message) => {
    if (message.type() === 'error' && !/status of 4/.test(message.text())) faults.push(message.text())
  })
  await page.goto(ADDRESS + at)
  await page.locator('h1, h2').first().waitFor()
  await act?.(page)
  return { page, context, server, faults }
}

export const VARIANTS = ['en-US', 'zh-CN'].flatMap((language) =>
  ['light', 'dark'].flatMap((theme) => [1440, 390].map((width) => ({ language, theme, width }))),
)

export async function launch() {
  return chromium.launch({
    executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
    args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb'],
  })
}

if (process.argv[1] === import.meta.filename) {
  const browser = await launch()
  for (const name of Object.keys(PAGES)) {
    if (only.length > 0 && !only.includes(name)) continue
    for (const variant of VARIANTS) {
      const { page, context, faults } = await show(browser, name, variant)
      const { language, theme, width } = variant
      await page.screenshot({
        path: join(resolve(folder), `${name}-${language.slice(0, 2)}-${theme}-${width}.png`),
      })
      for (const fault of faults) process.stderr.write(`${name}: ${fault}\n`)
      await context.close()
    }
  }
  await browser.close()
}
