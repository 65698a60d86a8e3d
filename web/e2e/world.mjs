// A server of one's own with its own daemon, a network that can be cut, and a browser.

import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { chromium } from 'playwright-core'

const BIN = resolve(process.env.BASTIDE_BIN ?? join(import.meta.dirname, '../../target/debug/bastide'))
const CHROMIUM = process.env.CHROMIUM ?? '/usr/bin/chromium'
/** Where pictures go; nowhere when not set. */
const PICTURES = process.env.BASTIDE_PICTURES
/** No fact that is waited for takes this long, even on a busy machine. */
export const PATIENCE = 30_000
let patience = PATIENCE
export const PASSWORD = 'several plain words'

export async function freePort() {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const { port } = probe.address()
  probe.close()
  await once(probe, 'close')
  return port
}

/** Passes connections on, and can break them all at once. */
class Network {
  #open = new Set()
  #cut = false
  #left = Number.POSITIVE_INFINITY

  async start(target) {
    this.server = createServer((socket) => {
      if (this.#cut) return socket.destroy()
      const onward = connect(target, '127.0.0.1')
      socket.on('data', ({ length }) => {
        this.#left -= length
        if (this.#left < 0) this.cut()
      })
      for (const [one, other] of [
        [socket, onward],
        [onward, socket],
      ]) {
        this.#open.add(one)
        one.setNoDelay(true)
        one.on('error', () => {})
        one.on('close', () => {
          this.#open.delete(one)
          other.destroy()
        })
        one.pipe(other)
      }
    }).listen(0, '127.0.0.1')
    await once(this.server, 'listening')
    this.port = this.server.address().port
  }

  /** Every connection breaks; new ones are taken again. */
  drop() {
    for (const socket of this.#open) socket.destroy()
  }

  cut() {
    this.#cut = true
    this.drop()
  }

  /** Once so many bytes more have gone to the server. */
  cutAfter(bytes) {
    this.#left = bytes
  }

  mend() {
    this.#cut = false
    this.#left = Number.POSITIVE_INFINITY
  }

  stop() {
    this.drop()
    this.server.close()
  }
}

export class World {
  /** `more` is given the address that browsers use, and returns further variables of the server. */
  static async start(more = () => ({})) {
    const world = new World()
    world.dir = await mkdtemp(join(tmpdir(), 'bastide-e2e-'))
    await mkdir(join(world.dir, 'home'), { recursive: true })
    await mkdir(join(world.dir, 'run'), { mode: 0o700 })
    const { PATH } = process.env
    world.env = {
      PATH,
      HOME: join(world.dir, 'home'),
      SHELL: '/bin/bash',
      LANG: 'C.UTF-8',
      XDG_RUNTIME_DIR: join(world.dir, 'run'),
      XDG_STATE_HOME: join(world.dir, 'state'),
      XDG_DATA_HOME: join(world.dir, 'data'),
      XDG_CONFIG_HOME: join(world.dir, 'config'),
    }
    world.port = await freePort()
    world.network = new Network()
    await world.network.start(world.port)
    world.url = `http://127.0.0.1:${world.network.port}`
    Object.assign(world.env, await more(world.url))
    await world.startServer()
    world.browser = await chromium.launch({
      executablePath: CHROMIUM,
      args: ['--no-sandbox', '--disable-dev-shm-usage', '--force-color-profile=srgb'],
    })
    return world
  }

  /** Resolves when it serves. The first start says a login link. */
  async startServer() {
    const listen = `127.0.0.1:${this.port}`
    this.server = spawn(BIN, ['serve', '--listen', listen, '--print-login-link'], {
      env: this.env,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    this.said = []
    const lines = createInterface({ input: this.server.stderr })
    const serving = new Promise((ready, failed) => {
      lines.on('line', (line) => {
        this.said.push(line)
        if (/ serves at /.test(line)) ready()
      })
      this.server.on('exit', (code) => failed(new Error(`exit ${code}:\n${this.said.join('\n')}`)))
    })
    await serving
    this.server.removeAllListeners('exit')
  }

  /** Returns the exit code and how long the end took, in milliseconds. */
  async stopServer() {
    const began = performance.now()
    const exited = once(this.server, 'exit')
    this.server.kill('SIGTERM')
    const [code] = await exited
    return { code, took: performance.now() - began }
  }

  /** As a crash: nothing is finished. */
  async killServer() {
    const exited = once(this.server, 'exit')
    this.server.kill('SIGKILL')
    await exited
  }

  async bastide(...args) {
    const { stdout } = await promisify(execFile)(BIN, args, { env: this.env, maxBuffer: 1 << 26 })
    return stdout
  }

  /** A login link, at the address that the browser uses. */
  async loginLink() {
    const link = new URL((await this.bastide('login-link')).trim())
    return `${this.url}${link.pathname}${link.search}`
  }

  /** Somebody with a browser of their own who has logged in. */
  async person(options = {}) {
    const context = await this.browser.newContext({
      viewport: { width: 1440, height: 900 },
      locale: 'en-US',
      colorScheme: 'dark',
      ...options,
    })
    context.setDefaultTimeout(PATIENCE)
    // Shells read the start-up files of the test, not those of whoever runs it.
    await context.route('**/api/v1/sessions', (route) => {
      if (route.request().method() !== 'POST' || route.request().postDataJSON()?.server_id) {
        return route.continue()
      }
      const wanted = { ...route.request().postDataJSON(), cwd: this.env.HOME, env: { HOME: this.env.HOME } }
      return route.continue({ postData: JSON.stringify(wanted) })
    })
    const page = await context.newPage()
    const faults = []
    page.on('pageerror', (error) => faults.push(String(error)))
    page.on('console', (message) => {
      // What the network does to us is part of the tests; what the page does is not.
      if (message.type() === 'error' && !/ERR_|WebSocket|status of 4/.test(message.text())) {
        faults.push(message.text())
      }
    })
    await this.followLink(page, await this.loginLink())
    return { context, page, faults }
  }

  /** Opens a login link and uses it; somebody without a password gets `PASSWORD`. */
  async followLink(page, link, password = PASSWORD) {
    await page.goto(link)
    await page.locator('form.card').waitFor()
    const first = page.locator('input[name=new-password]')
    if (await first.isVisible()) {
      await first.fill(password)
      await page.locator('input[name=new-password-again]').fill(password)
    }
    await page.locator('form.card button[type=submit]').click()
    await page.waitForURL(`${this.url}/`)
  }

  /** With a password, from the page where one is asked for it. */
  async logIn(page, username, password = PASSWORD) {
    await page.locator('input[name=username]').fill(username)
    await page.locator('input[name=password]').fill(password)
    await page.keyboard.press('Enter')
  }

  async picture(page, name) {
    if (PICTURES) await page.screenshot({ path: join(resolve(PICTURES), `${name}.png`) })
  }

  async stop() {
    await this.browser?.close()
    if (this.server && this.server.exitCode === null) await this.stopServer()
    await this.bastide('ptyd', 'stop').catch(() => {})
    this.network.stop()
    await rm(this.dir, { recursive: true, force: true })
  }
}

/** A terminal in a page, as somebody who looks at it sees it. */
export class Terminal {
  constructor(page) {
    this.page = page
  }

  static async open(page) {
    await page.getByRole('button', { name: /Open a shell here|在本机打开/ }).click()
    const terminal = new Terminal(page)
    await terminal.live()
    return terminal
  }

  get uid() {
    return new URL(this.page.url()).pathname.split('/').at(-1)
  }

  async live() {
    await this.page.locator('.status-state', { hasText: /^(live|watching|已连接|旁观中)$/ }).waitFor()
  }

  async type(text) {
    await this.page.keyboard.type(text)
  }

  async press(key) {
    await this.page.keyboard.press(key)
  }

  async run(command) {
    await this.type(command)
    await this.press('Enter')
  }

  /** The lines of the screen, or with everything above it. */
  lines(all = false) {
    return this.page.evaluate((all) => {
      const { buffer, rows } = document.querySelector('.pane.focused .terminal-fit').terminal
      const { active } = buffer
      const from = all ? 0 : active.baseY
      const lines = []
      for (let y = from; y < active.baseY + rows; y++) {
        const line = active.getLine(y)
        const text = line?.translateToString(true) ?? ''
        if (line?.isWrapped && lines.length > 0) lines[lines.length - 1] += text
        else lines.push(text)
      }
      return lines
    }, all)
  }

  /** For a failure: short, without the empty rest. */
  async shown() {
    const lines = (await this.lines()).map((line) => line.slice(0, 120))
    while (lines.at(-1) === '') lines.pop()
    const state = await this.page.locator('.status-state').textContent()
    return `${lines.slice(-12).join('\n')}\n[${state}]`
  }

  size() {
    return this.page.evaluate(() => {
      const { cols, rows } = document.querySelector('.pane.focused .terminal-fit').terminal
      return { cols, rows }
    })
  }

  /** Waits until the screen matches. */
  async sees(pattern) {
    try {
      await this.page.waitForFunction(
        ({ source, flags }) => {
          const { buffer, rows } = document.querySelector('.pane.focused .terminal-fit')?.terminal ?? {}
          if (!buffer) return false
          const { active } = buffer
          const lines = []
          for (let y = active.baseY; y < active.baseY + rows; y++) {
            lines.push(active.getLine(y)?.translateToString(true) ?? '')
          }
          return new RegExp(source, flags).test(lines.join('\n'))
        },
        { source: pattern.source, flags: pattern.flags },
        { timeout: patience },
      )
    } catch (error) {
      // The tests go on in one browser: what follows a failure mostly fails with it, and soon.
      patience = 2_000
      throw new Error(`not seen: ${pattern}; the screen is\n${await this.shown()}`, {
        cause: error,
      })
    }
  }

  async paste(text) {
    await this.page.evaluate((text) => {
      const data = new DataTransfer()
      data.setData('text/plain', text)
      const event = new ClipboardEvent('paste', { clipboardData: data, bubbles: true, cancelable: true })
      document.querySelector('.pane.focused .terminal-fit textarea').dispatchEvent(event)
    }, text)
  }
}
