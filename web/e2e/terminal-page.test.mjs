// The terminal page as somebody uses it all day: tabs, splits, finding, copying, reading along.

import assert from 'node:assert/strict'
import { readFile, symlink, writeFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { Terminal, World } from './world.mjs'

const axe = await readFile(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

let world
let person

before(async () => {
  world = await World.start()
  person = await world.person()
  await person.context.grantPermissions(['clipboard-read', 'clipboard-write'])
})

after(async () => {
  await world?.stop()
})

/** Tabs and panes as they are seen: what is in each, and how much of the page it has. */
function arrangement(page) {
  return page.evaluate(() => ({
    tabs: [...document.querySelectorAll('.tabs .tab')].map((tab) => tab.dataset.current),
    panes: [...document.querySelectorAll('.pane:not([hidden])')].map((pane) => {
      const { left, top, width, height } = pane.style
      return { uid: pane.dataset.uid, focused: pane.classList.contains('focused'), left, top, width, height }
    }),
  }))
}

/** Another terminal has come, and its shell answers. */
async function shellOf(page, before) {
  await page.waitForFunction(
    (before) => document.querySelectorAll('.pane').length > before || document.querySelector('.pane.focused'),
    before,
  )
  const terminal = new Terminal(page)
  await terminal.live()
  await terminal.sees(/[#$] *$/m)
  return terminal
}

const panes = (page) => page.locator('.pane').count()

async function press(page, key) {
  const count = await panes(page)
  await page.keyboard.press(key)
  await page.waitForFunction((count) => document.querySelectorAll('.pane').length === count + 1, count)
  return shellOf(page, count)
}

test('a new person opens a shell, more tabs and splits, all from the keyboard', async () => {
  const { page } = person
  const terminal = await Terminal.open(page)
  await terminal.sees(/[#$] *$/m)
  await terminal.run('echo th""e first')
  await terminal.sees(/^the first$/m)
  const second = await press(page, 'Control+Shift+Enter')
  await second.run('echo th""e second')
  await second.sees(/^the second$/m)
  const third = await press(page, 'Control+Shift+E')
  await third.run('echo th""e third')
  await third.sees(/^the third$/m)
  const fourth = await press(page, 'Control+Shift+O')
  await fourth.run('echo th""e fourth')
  await fourth.sees(/^the fourth$/m)
  await world.picture(page, 'splits')
  const { tabs, panes: shown } = await arrangement(page)
  assert.deepEqual(tabs, ['false', 'true'])
  assert.deepEqual(
    shown.map(({ left, top, width, height }) => [left, top, width, height]),
    [
      ['0%', '0%', '50%', '100%'],
      ['50%', '0%', '50%', '50%'],
      ['50%', '50%', '50%', '50%'],
    ],
  )
})

test('tabs and splits survive a reload', async () => {
  const { page } = person
  await page.keyboard.press('Control+Shift+Alt+ArrowLeft')
  await page.keyboard.press('Control+Shift+Alt+ArrowUp')
  const before = await arrangement(page)
  assert.equal(before.panes[0].width, '46%')
  const address = page.url()
  await page.reload()
  const terminal = new Terminal(page)
  await terminal.live()
  await terminal.sees(/^the fourth$/m)
  assert.deepEqual(await arrangement(page), before)
  assert.equal(page.url(), address)
  await page.keyboard.press('Control+Shift+ArrowUp')
  await terminal.sees(/^the third$/m)
  await page.keyboard.press('Control+Shift+ArrowLeft')
  await terminal.sees(/^the second$/m)
  await page.keyboard.press('Control+Shift+[')
  await terminal.sees(/^the first$/m)
  await terminal.run('echo ag""ain')
  await terminal.sees(/^again$/m)
  await page.keyboard.press('Control+Shift+@')
  await terminal.sees(/^the second$/m)
})

test('the divider is dragged, and both shells learn their size', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  // The tab has just come to the front: its shell fills it first.
  await page.waitForFunction(() => {
    const fit = document.querySelector('.pane.focused .terminal-fit')
    return fit.clientWidth - fit.querySelector('.xterm-screen').clientWidth < 40
  })
  const before = await terminal.size()
  const bar = await page.getByRole('separator').first().boundingBox()
  await page.mouse.move(bar.x + bar.width / 2, bar.y + bar.height / 2)
  await page.mouse.down()
  await page.mouse.move(bar.x - 200, bar.y + bar.height / 2, { steps: 5 })
  await page.mouse.up()
  await page.waitForFunction(
    (cols) => document.querySelector('.pane.focused .terminal-fit').terminal.cols < cols - 15,
    before.cols,
  )
  // Ended by a key that it reads: an interrupt between two programs would leave the loop running, bash(1).
  await terminal.run(`bash -c 'until read -rsn 1 -t 0.1; do clear; stty size; done'`)
  await page.waitForFunction(() => {
    const { cols, rows, buffer } = document.querySelector('.pane.focused .terminal-fit').terminal
    return buffer.active.getLine(buffer.active.baseY).translateToString(true) === `${rows} ${cols}`
  })
  await terminal.press('q')
  const { cols } = await terminal.size()
  // From the keyboard too, when the divider has the focus.
  await page.getByRole('separator').first().focus()
  await page.keyboard.press('ArrowRight')
  await page.waitForFunction(
    (cols) => document.querySelector('.pane.focused .terminal-fit').terminal.cols > cols,
    cols,
  )
})

test('a closed pane leaves its shell alone, and can be brought back', async () => {
  const { page } = person
  await page.locator('.pane:not([hidden])').first().click()
  const terminal = new Terminal(page)
  const { uid } = terminal
  await terminal.run('clear; echo k""ept $$')
  await terminal.sees(/^kept \d+$/m)
  const kept = (await terminal.lines()).find((line) => line.startsWith('kept'))
  await page.keyboard.press('Control+Shift+D')
  await page.getByText('The terminal goes on').waitFor()
  assert.equal(await page.locator(`.pane[data-uid="${uid}"]`).count(), 0)
  await page.getByRole('button', { name: 'Bring back' }).click()
  await page.locator(`.pane[data-uid="${uid}"]`).waitFor()
  await terminal.live()
  await terminal.sees(new RegExp(`^${kept}$`, 'm'))
})

test('tabs are moved with the mouse and the keyboard, and close with the middle button', async () => {
  const { page } = person
  const order = () => page.locator('.tab').evaluateAll((tabs) => tabs.map((tab) => tab.dataset.tab))
  const before = await order()
  assert.equal(before.length, 3)
  const tabs = page.locator('.tab')
  await tabs.nth(0).dragTo(tabs.nth(2))
  assert.deepEqual(await order(), [before[1], before[2], before[0]])
  await page.keyboard.press('Control+Shift+B')
  await page.keyboard.press('Alt+ArrowLeft')
  const moved = await order()
  assert.notDeepEqual(moved, [before[1], before[2], before[0]])
  await page.keyboard.press('Escape')
  const terminal = new Terminal(page)
  await terminal.run('clear; echo fo""cus')
  await terminal.sees(/^focus$/m)
  const [last] = (await order()).slice(-1)
  await page.locator(`.tab[data-tab="${last}"]`).click({ button: 'middle' })
  await page.locator(`.tab[data-tab="${last}"]`).waitFor({ state: 'detached' })
  assert.equal((await order()).length, 2)
})

test('what happens in a tab that nobody looks at is marked, and a bell more so', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run(
    'cd; clear; echo rea""dy; until [ -e go1 ]; do sleep 0.1; done; echo noise; until [ -e go2 ]; do sleep 0.1; done; printf "\\a"',
  )
  await terminal.sees(/^ready$/m)
  const tab = await page.locator('.tab[data-current=true]').getAttribute('data-tab')
  await page.keyboard.press('Control+Shift+]')
  await page.locator(`.tab[data-tab="${tab}"][data-current=false]`).waitFor()
  const go = (step) => writeFile(join(world.env.HOME, `go${step}`), '')
  await go(1)
  const mark = (kind) => page.locator(`.tab[data-tab="${tab}"] .mark${kind}`)
  await mark('.output').waitFor()
  await go(2)
  await mark('.bell').waitFor()
  await page.keyboard.press('Control+Shift+[')
  await mark('').waitFor({ state: 'detached' })
})

test('finding: upwards, downwards, words, patterns, capitals', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run(
    'clear; for i in $(seq 200); do echo "line $i of apples"; done; echo Apple pie; tput cup 0 0 >/dev/null',
  )
  await terminal.sees(/^Apple pie$/m)
  await page.keyboard.press('Control+Shift+F')
  const field = page.getByRole('textbox', { name: 'Find' })
  await field.fill('line 1[0-9] of')
  const count = page.locator('.find-count')
  await count.getByText('not found').waitFor()
  await page.getByRole('button', { name: 'Regular expression' }).click()
  await count.getByText('of 10').waitFor()
  await field.focus()
  const selected = () =>
    page.evaluate(() => document.querySelector('.pane.focused .terminal-fit').terminal.getSelection())
  assert.equal(await selected(), 'line 19 of')
  await page.keyboard.press('Enter')
  assert.equal(await selected(), 'line 18 of')
  await page.keyboard.press('Shift+Enter')
  assert.equal(await selected(), 'line 19 of')
  await world.picture(page, 'find')
  await field.fill('(')
  await count.getByText('no such pattern').waitFor()
  await page.getByRole('button', { name: 'Regular expression' }).click()
  await field.fill('Apple')
  await count.getByText('of 201').waitFor()
  await page.getByRole('button', { name: 'Match capitals' }).click()
  await count.getByText('1 of 1', { exact: true }).waitFor()
  await page.getByRole('button', { name: 'Match capitals' }).click()
  await page.getByRole('button', { name: 'Whole words' }).click()
  await count.getByText('1 of 1', { exact: true }).waitFor()
  await page.keyboard.press('Escape')
  await page.locator('.find').waitFor({ state: 'detached' })
  await terminal.run('clear; echo ba""ck')
  await terminal.sees(/^back$/m)
})

test('what is scrolled away says when something comes, and leads to the end', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run('clear; seq 300; read -s; echo fre""sh')
  await terminal.sees(/^300$/m)
  await page.keyboard.press('Shift+PageUp')
  await page.getByRole('button', { name: 'To the end' }).waitFor()
  const top = await page.evaluate(
    () => document.querySelector('.pane.focused .terminal-fit').terminal.buffer.active.viewportY,
  )
  await page.evaluate(() => {
    const { terminal } = document.querySelector('.pane.focused .terminal-fit')
    terminal.options.scrollOnUserInput = false
  })
  await terminal.press('Enter')
  await page.getByRole('button', { name: 'New output below' }).waitFor()
  assert.equal(
    await page.evaluate(
      () => document.querySelector('.pane.focused .terminal-fit').terminal.buffer.active.viewportY,
    ),
    top,
  )
  await page.getByRole('button', { name: 'New output below' }).click()
  await terminal.sees(/^fresh$/m)
  await page.getByRole('button', { name: /To the end|below/ }).waitFor({ state: 'detached' })
  await page.locator('.pane.focused .terminal-fit').click()
})

test('copying and pasting', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run('clear; echo copy-th""is-word')
  await terminal.sees(/^copy-this-word$/m)
  await page.evaluate(() => {
    const { terminal } = document.querySelector('.pane.focused .terminal-fit')
    const { active } = terminal.buffer
    for (let y = active.baseY; y < active.length; y++) {
      if (active.getLine(y).translateToString(true) === 'copy-this-word') terminal.select(0, y, 14)
    }
  })
  await page.keyboard.press('Control+Shift+C')
  await page.getByText('Copied.').waitFor()
  assert.equal(await page.evaluate(() => navigator.clipboard.readText()), 'copy-this-word')
  await terminal.type('clear; echo got ')
  await page.keyboard.press('Control+Shift+V')
  await terminal.sees(/echo got copy-this-word/)
  await terminal.press('Enter')
  await terminal.sees(/^got copy-this-word$/m)
  // From the menu, with the keyboard.
  await terminal.type('echo menu ')
  await page.keyboard.press('Control+Shift+A')
  await page.getByRole('menuitem', { name: 'Paste' }).focus()
  await page.keyboard.press('Enter')
  await terminal.sees(/echo menu copy-this-word/)
  await terminal.press('Enter')
  await terminal.sees(/^menu copy-this-word$/m)
})

test('a paste cannot end a bracketed paste, and is not asked about when that was said', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run('clear')
  await terminal.paste('echo one\x1b[201~\necho two\n')
  const dialog = page.getByRole('dialog')
  await dialog.getByText('Paste 2 lines?').waitFor()
  await dialog.getByText('1 control character was left out').waitFor()
  await dialog.getByLabel('Do not ask again').check()
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })
  await terminal.paste('echo th""ree\necho fo""ur\n')
  await terminal.press('Enter')
  await terminal.sees(/^three$[\s\S]*^four$/m)
  await page.evaluate(() => localStorage.removeItem('bastide.settings'))
  await page.reload()
  await terminal.live()
})

test('who only watches is told why typing does nothing, and can take the keyboard', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  const other = await world.person()
  await other.page.goto(`${world.url}/t/${terminal.uid}?watch=1`)
  const watching = new Terminal(other.page)
  await watching.live()
  await other.page.locator('.status .badge', { hasText: 'read-only' }).waitFor()
  await watching.type('n')
  await other.page.getByText('You are watching').first().waitFor()
  await world.picture(other.page, 'read-only')
  await page.getByText('2 viewers').waitFor()
  await other.page.getByText('2 viewers').waitFor()
  await other.page.locator('.note').getByRole('button', { name: 'Type here' }).click()
  await other.page.locator('.status-state', { hasText: 'live' }).waitFor()
  assert.ok(!other.page.url().includes('watch'))
  await watching.run('clear; echo ty""ped by two')
  await terminal.sees(/^typed by two$/m)
  assert.deepEqual(other.faults, [])
  await other.context.close()
})

test('a link shares one terminal with somebody else, who is seen, and it is taken back', async () => {
  const { page, context } = person
  const terminal = new Terminal(page)
  const { uid } = terminal
  const origin = { origin: world.url }
  const ask = async (path, data) => {
    const answer = await context.request.post(`${world.url}/api/v1/${path}`, { data, headers: origin })
    assert.ok(answer.ok(), await answer.text())
    return answer.json()
  }
  const user = await ask('users', { username: 'wang.li', role: 'user' })
  const { url: invitation } = await ask(`users/${user.id}/login-link`)
  const guest = await world.browser.newContext({ viewport: { width: 1200, height: 700 }, locale: 'en-US' })
  await logInBy(guest, invitation)
  const visitor = await guest.newPage()
  await visitor.goto(`${world.url}/t/${uid}`)
  await visitor.getByText('There is no such terminal').waitFor()

  await page.keyboard.press('Control+Shift+A')
  await page.getByRole('menuitem', { name: 'Share' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByText('None yet.').waitFor()
  await dialog.getByRole('button', { name: 'Make a link' }).click()
  const link = await dialog.getByRole('textbox', { name: 'Link' }).inputValue()
  assert.match(link, /\/s\/\w+/)
  await dialog.getByText('Nobody has used it yet').waitFor()
  await world.picture(page, 'share')
  await page.evaluate(axe)
  await look(page, 'share')
  await page.keyboard.press('Escape')
  await dialog.waitFor({ state: 'detached' })

  const token = new URL(link).pathname.split('/').at(-1)
  const used = await guest.request.post(`${world.url}/api/v1/shares/use`, {
    data: { token },
    headers: origin,
  })
  assert.deepEqual(await used.json(), { session: uid, access: 'watch' })
  await visitor.goto(`${world.url}/t/${uid}`)
  const watching = new Terminal(visitor)
  await watching.live()
  await visitor.locator('.status .badge', { hasText: 'read-only' }).waitFor()
  await watching.type('x')
  await visitor.getByText('for a link to type with').waitFor()
  await terminal.run('clear; echo for gu""ests')
  await watching.sees(/^for guests$/m)
  await page.locator('.initials', { hasText: 'WL' }).waitFor()
  assert.match(await page.locator('.status-viewers').getAttribute('title'), /wang\.li \(watches\)/)
  await world.picture(page, 'viewers')

  await page.keyboard.press('Control+Shift+A')
  await page.getByRole('menuitem', { name: 'Share' }).click()
  await dialog.getByText('Used by wang.li').waitFor()
  await dialog.getByRole('button', { name: 'Take back' }).click()
  await dialog.getByText('None yet.').waitFor()
  await visitor.getByText('its link may have been taken back').waitFor()
  await page.keyboard.press('Escape')
  await guest.close()
})

/** Uses a login link as its page does; a person without a password gets one. */
async function logInBy(context, link) {
  const token = new URL(link).searchParams.get('token')
  const data = { token, password: 'several plain words' }
  const answer = await context.request.post(`${world.url}/api/v1/login-links/use`, {
    data,
    headers: { origin: world.url },
  })
  assert.ok(answer.ok(), await answer.text())
}

test('two windows have their own tabs', async () => {
  const { page, context } = person
  const window = await context.newPage()
  await window.goto(page.url())
  const terminal = new Terminal(window)
  await terminal.live()
  assert.equal(await window.locator('.tab').count(), 1)
  await press(window, 'Control+Shift+Enter')
  assert.equal(await window.locator('.tab').count(), 2)
  const there = await page.locator('.tab').count()
  await page.reload()
  await new Terminal(page).live()
  assert.equal(await page.locator('.tab').count(), there)
  await window.close()
})

test('an exit says its code; again is another shell in the same place', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  const before = await arrangement(page)
  await terminal.run('exit 7')
  await page.getByText('This terminal has ended with exit code 7.').waitFor()
  await page.getByRole('button', { name: 'Open another' }).click()
  await terminal.live()
  await terminal.run('echo ne""w')
  await terminal.sees(/^new$/m)
  const after = await arrangement(page)
  assert.deepEqual(
    after.panes.map(({ uid, ...place }) => place),
    before.panes.map(({ uid, ...place }) => place),
  )
})

test('ending asks first', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await page.keyboard.press('Control+Shift+A')
  await page.getByRole('menuitem', { name: 'End the terminal' }).click()
  await page.getByRole('dialog').getByText('are stopped').waitFor()
  await page.getByRole('button', { name: 'End it' }).click()
  await page.getByText(/This terminal (was ended by signal|has ended)/).waitFor()
  await page.getByRole('button', { name: 'Open another' }).click()
  await terminal.live()
})

test('text is larger in this window, and palettes and fonts are those of the settings', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  const options = () =>
    page.evaluate(() => {
      const { options } = document.querySelector('.pane.focused .terminal-fit').terminal
      return { size: options.fontSize, font: options.fontFamily, ground: options.theme.background }
    })
  await page.keyboard.press('Control+Shift++')
  await page.keyboard.press('Control+Shift++')
  assert.equal((await options()).size, 16)
  await page.reload()
  await terminal.live()
  assert.equal((await options()).size, 16)
  await page.keyboard.press('Control+Shift+)')
  assert.equal((await options()).size, 14)
  for (const theme of ['light', 'contrast', 'paper', 'xterm', 'vga']) {
    await page.evaluate((theme) => {
      const value = JSON.stringify({ terminal: { theme, fontFamily: 'Noto Sans Mono' } })
      localStorage.setItem('bastide.settings', value)
      window.dispatchEvent(new StorageEvent('storage', { key: 'bastide.settings' }))
    }, theme)
    await page.waitForFunction(() =>
      document
        .querySelector('.pane.focused .terminal-fit')
        .terminal.options.fontFamily.startsWith('Noto Sans Mono,'),
    )
    await terminal.run(
      'clear; ls --color /; printf "\\e[31mred \\e[32mgreen \\e[33myellow \\e[34mblue\\e[0m\\n"',
    )
    await terminal.sees(/^red green yellow blue$/m)
    await world.picture(page, `palette-${theme}`)
  }
  assert.equal((await options()).ground, '#000000')
  await page.evaluate(() => {
    localStorage.removeItem('bastide.settings')
    window.dispatchEvent(new StorageEvent('storage', { key: null }))
  })
})

test('drawn by the graphics card where somebody wants it, and without it when the browser takes it away', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await page.evaluate(() => {
    localStorage.setItem('bastide.settings', JSON.stringify({ terminal: { renderer: 'webgl' } }))
    window.dispatchEvent(new StorageEvent('storage', { key: 'bastide.settings' }))
  })
  const canvas = page.locator('.pane.focused .xterm-screen canvas').first()
  const plain = page.locator('.pane.focused').getByText('drawn the plain way')
  await canvas.or(plain).waitFor()
  if ((await canvas.count()) > 0) {
    await page.evaluate(() => {
      for (const canvas of document.querySelectorAll('.xterm-screen canvas')) {
        canvas.getContext('webgl2')?.getExtension('WEBGL_lose_context')?.loseContext()
      }
    })
  }
  await plain.waitFor()
  await terminal.run('clear; echo st""ill here')
  await terminal.sees(/^still here$/m)
  await page.locator('.pane.focused .xterm-rows', { hasText: 'still here' }).waitFor()
  await page.evaluate(() => {
    localStorage.removeItem('bastide.settings')
    window.dispatchEvent(new StorageEvent('storage', { key: null }))
  })
})

test('full screen and back', async () => {
  const { page } = person
  await page.keyboard.press('Control+Shift+F11')
  await page.waitForFunction(() => document.fullscreenElement !== null)
  await page.keyboard.press('Control+Shift+F11')
  await page.waitForFunction(() => document.fullscreenElement === null)
})

test('a flood draws the terminal and nothing beside it; an idle one draws nothing', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run('clear; echo be""gin')
  await terminal.sees(/^begin$/m)
  await page.evaluate(() => {
    window.changes = 0
    const observer = new MutationObserver((records) => {
      window.changes += records.length
    })
    const watched = { subtree: true, childList: true, attributes: true, characterData: true }
    for (const part of document.querySelectorAll('.tabs, .status, .notes')) observer.observe(part, watched)
  })
  await terminal.run('seq 200000; echo en""d')
  await terminal.sees(/^200000\nend$/m)
  // The way to the server is measured every few seconds, and a viewer may come or go.
  const changes = await page.evaluate(() => window.changes)
  assert.ok(changes < 40, `${changes} changes`)
})

test('whatever the network does, a counter has no number lost or doubled', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run(
    'clear; for i in $(seq 3000); do printf "%05d\\n" $i; [ $((i % 10)) = 0 ] && sleep 0.01; done; echo al""l',
  )
  for (const seen of ['00400', '01000', '01800', '02400']) {
    await terminal.sees(new RegExp(`^${seen.slice(0, 3)}\\d\\d$`, 'm'))
    world.network.drop()
  }
  await terminal.sees(/^all$/m)
  const numbers = (await terminal.lines(true)).filter((line) => /^\d{5}$/.test(line))
  assert.deepEqual(
    numbers,
    Array.from({ length: 3000 }, (_, i) => String(i + 1).padStart(5, '0')),
  )
  await terminal.live()
})

test('without a network the screen stays, says when it tries again, and can try at once', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run('clear; echo st""ays')
  await terminal.sees(/^stays$/m)
  world.network.cut()
  await page.locator('.pane.focused .connection', { hasText: /reconnecting \(\d+ s\)/ }).waitFor()
  await world.picture(page, 'reconnecting')
  await terminal.sees(/^stays$/m)
  world.network.mend()
  await page
    .locator('.pane.focused .connection')
    .getByRole('button', { name: 'Try now' })
    .click({ timeout: 2_000 })
    .catch(() => {})
  await terminal.live()
  await page.locator('.pane.focused .connection').waitFor({ state: 'detached' })
  await terminal.run('echo on')
  await terminal.sees(/^on$/m)
})

test('on a telephone: one pane, keys that its keyboard has not, nothing wider than it', async () => {
  const { context, page, faults } = await world.person({
    viewport: { width: 390, height: 844 },
    locale: 'zh-CN',
    hasTouch: true,
  })
  const terminal = await Terminal.open(page)
  await terminal.sees(/[#$] *$/m)
  await page.getByRole('button', { name: '终端菜单' }).click()
  await world.picture(page, 'menu-zh-390')
  await page.getByRole('menuitem', { name: '向右分屏' }).click()
  await page.waitForFunction(() => document.querySelectorAll('.pane').length === 2)
  await terminal.live()
  assert.equal(await page.locator('.pane:not([hidden])').count(), 1)
  await terminal.type('sleep 100')
  await terminal.press('Enter')
  await page.getByRole('button', { name: 'Ctrl', exact: true }).tap()
  await terminal.type('c')
  await terminal.run('clear; echo wei""ter')
  await terminal.sees(/^weiter$/m)
  await page.getByRole('button', { name: 'ArrowUp' }).tap()
  await terminal.sees(/[#$] clear; echo wei""ter/)
  await page.getByRole('button', { name: 'Ctrl', exact: true }).tap()
  await terminal.type('u')
  await terminal.run('seq 1 40')
  await terminal.sees(/^40$/m)
  await world.picture(page, 'terminal-keys-zh-390')
  assert.ok((await page.evaluate(() => document.documentElement.scrollWidth)) <= 390)
  await page.evaluate(axe)
  await look(page, 'telephone')
  assert.deepEqual(faults, [])
  await context.close()
})

test('no serious fault of accessibility, in both themes', async () => {
  for (const colorScheme of ['dark', 'light']) {
    const { context, page, faults } = await world.person({ colorScheme })
    const terminal = await Terminal.open(page)
    await terminal.sees(/[#$] *$/m)
    await press(page, 'Control+Shift+E')
    // Not as a script of the page: its policy allows none but our own.
    await page.evaluate(axe)
    await look(page, `${colorScheme}: panes`)
    await page.keyboard.press('Control+Shift+F')
    await page.getByRole('textbox', { name: 'Find' }).fill('a')
    await look(page, `${colorScheme}: find`)
    await page.keyboard.press('Escape')
    await page.keyboard.press('Control+Shift+A')
    await page.getByRole('menu').waitFor()
    await look(page, `${colorScheme}: menu`)
    await world.picture(page, `menu-${colorScheme}`)
    await page.keyboard.press('Escape')
    await terminal.paste('ls\npwd\n')
    await page.getByRole('dialog').waitFor()
    await look(page, `${colorScheme}: paste`)
    await page.keyboard.press('Escape')
    assert.deepEqual(faults, [])
    await context.close()
  }
})

async function look(page, what) {
  const violations = await page.evaluate(async () => {
    const { violations } = await window.axe.run(document, { resultTypes: ['violations'] })
    return violations
      .filter(({ impact }) => impact === 'serious' || impact === 'critical')
      .map(({ id, nodes }) => `${id}: ${nodes.map((node) => node.html.slice(0, 160)).join(' | ')}`)
  })
  assert.deepEqual(violations, [], what)
}

test('a terminal is usable soon after its address was entered', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run('clear; PS1="ready> "')
  await terminal.sees(/^ready> *$/m)
  const times = []
  for (let round = 0; round < 5; round++) {
    const window = await person.context.newPage()
    await window.goto(page.url())
    await new Terminal(window).sees(/^ready> *$/m)
    const mark = await window.waitForFunction(
      () => performance.getEntriesByName('bastide:prompt')[0]?.startTime,
    )
    times.push(await mark.jsonValue())
    await window.close()
  }
  times.sort((a, b) => a - b)
  console.log(`# usable prompt after ${times.map(Math.round).join(', ')} ms`)
  assert.ok(times.every((time) => time > 0))
})

test('pictures for who reads about it', { skip: !process.env.BASTIDE_PICTURES }, async () => {
  const { page, context } = await world.person({ viewport: { width: 1100, height: 600 } })
  await symlink(join(import.meta.dirname, '../..'), join(world.env.HOME, 'bastide')).catch(() => {})
  const prompt = "cd ~/bastide; PS1='\\[\\e[1;32m\\]\\w\\[\\e[0m\\] $ '; clear"
  const left = await Terminal.open(page)
  await left.sees(/[#$] *$/m)
  await left.run(`${prompt}; vim -u NONE -c 'syntax on' -c 'set number' crates/session/src/viewer.rs`)
  await left.sees(/viewer.rs" /)
  const right = await press(page, 'Control+Shift+E')
  await right.run(
    `${prompt}; ls --color crates; grep --color=always -rn 'pub enum' crates/wire/src | cut -c 1-150`,
  )
  await right.sees(/\$ \s*$/)
  const below = await press(page, 'Control+Shift+O')
  await below.run(
    `${prompt}; for n in 1 2 3 4 5 6; do printf "\\e[3%dm█▓▒░\\e[0m 终端 " $n; done; echo; seq -s ' ' 60`,
  )
  await below.sees(/ 60$/m)
  await page.keyboard.press('Control+Shift+F')
  await page.getByRole('textbox', { name: 'Find' }).fill('4')
  await page.getByText(/of \d+$/).waitFor()
  await world.picture(page, 'terminal-splits')
  await page.keyboard.press('Escape')
  await page.emulateMedia({ colorScheme: 'light' })
  await page.keyboard.press('Control+Shift+A')
  await page.getByRole('menu').waitFor()
  await world.picture(page, 'terminal-light')
  await context.close()
})

test('nothing on the page complained', () => {
  assert.deepEqual(person.faults, [])
})
