// What a browser fetches for the first pages, and how long it takes to a prompt. Started by the bench
// (src/rows/first_page.rs) with the server's address and a cookie; says one line of JSON.

import { createRequire } from 'node:module'
import { resolve } from 'node:path'

const { chromium } = createRequire(resolve('web/package.json'))('playwright-core')
const [address, cookie, rounds] = process.argv.slice(2)
const [name, value] = cookie.split(/=(.*)/s)
const PATIENCE = 30_000
const KEYS = 60

const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-dev-shm-usage'],
})

async function context(loggedIn = true) {
  const context = await browser.newContext({ viewport: { width: 1280, height: 800 }, locale: 'en-US' })
  context.setDefaultTimeout(PATIENCE)
  if (loggedIn) await context.addCookies([{ name, value, url: address }])
  return context
}

/** Bytes on the line for a page, headers included; the terminal's own part by itself. */
async function weigh(path, loggedIn) {
  const own = await context(loggedIn)
  const page = await own.newPage()
  const finished = []
  page.on('requestfinished', (request) => finished.push(request))
  await page.goto(address + path, { waitUntil: 'networkidle' })
  let first = 0
  let later = 0
  for (const request of finished) {
    const { responseBodySize, responseHeadersSize } = await request.sizes()
    const size = responseBodySize + responseHeadersSize
    if (/terminal[^/]*\.(js|css)$/.test(new URL(request.url()).pathname)) later += size
    else first += size
  }
  await own.close()
  return { first, later }
}

const shows = () => /[$#] /.test(document.querySelector('.xterm-rows')?.textContent ?? '')

/** From asking for a session until its prompt is on a page that was never loaded before. */
async function prompt() {
  const own = await context()
  const page = await own.newPage()
  const began = performance.now()
  const answer = await own.request.post(`${address}/api/v1/sessions`, {
    data: { shell: '/bin/sh', env: { PS1: '$ ' } },
    headers: { origin: address },
  })
  const { uid } = await answer.json()
  await page.goto(`${address}/t/${uid}`, { waitUntil: 'commit' })
  await page.waitForFunction(shows)
  const took = performance.now() - began
  return { own, page, took }
}

/** From a key to its letter on the screen, in the page's own clock. */
async function keys(page) {
  await page.locator('.xterm-helper-textarea').focus()
  await page.evaluate(() => {
    const times = []
    window.benchTimes = times
    let pressed = 0
    addEventListener('keydown', () => { pressed = performance.now() }, true)
    const rows = document.querySelector('.xterm-rows')
    let letters = 0
    new MutationObserver(() => {
      const now = rows.textContent.split('x').length
      if (now > letters && pressed > 0) times.push(performance.now() - pressed)
      letters = now
    }).observe(rows, { childList: true, subtree: true, characterData: true })
  })
  for (let key = 1; key <= KEYS; key++) {
    await page.keyboard.press('x')
    await page.waitForFunction((count) => window.benchTimes.length >= count, key)
  }
  return page.evaluate(() => window.benchTimes)
}

const pages = { login: await weigh('/login', false), home: await weigh('/', true) }
const prompts = []
let drawn = []
for (let round = 0; round < Number(rounds); round++) {
  const { own, page, took } = await prompt()
  prompts.push(took)
  if (round === 0) drawn = await keys(page)
  await own.close()
}
await browser.close()
console.log(JSON.stringify({ pages, prompts, drawn }))
