// The first light, as a person sees it: everything in one browser, against the real program.

import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { readFile, symlink, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { promisify } from 'node:util'
import { Terminal, World } from './world.mjs'

let world
let person

before(async () => {
  world = await World.start()
  person = await world.person()
})

after(async () => {
  await world?.stop()
})

test('the empty list teaches, and its one button opens a shell', async () => {
  const { page } = person
  await page.getByText('No terminals yet').waitFor()
  await world.picture(page, 'home-empty')
  const terminal = await Terminal.open(page)
  await terminal.run('echo he""llo $((6*7))')
  await terminal.sees(/^hello 42$/m)
  await page.goto(world.url)
  await page.locator('.row[data-state=running]').waitFor()
})

test('vim and top run, and a resized window is their size', async () => {
  const { page } = person
  const terminal = await Terminal.open(page)
  await terminal.run('cd; vim -u NONE notes.txt')
  await terminal.sees(/~\s*\n/)
  await terminal.type('ihello from vim')
  await terminal.press('Escape')
  await terminal.sees(/^hello from vim$/m)
  await terminal.type(':wq')
  await terminal.press('Enter')
  // vim throws away what is typed while it ends: only the shell's prompt may be typed at.
  await terminal.sees(/vim -u NONE notes\.txt\n.*[#$] *$/m)
  await terminal.run('cat notes.txt')
  await terminal.sees(/[#$] cat notes.txt\nhello from vim/)

  await terminal.run('top -d 0.5')
  await terminal.sees(/load average/)
  await page.setViewportSize({ width: 1000, height: 600 })
  await terminal.sees(/load average/)
  await terminal.press('q')
  await terminal.run('stty size')
  await page.waitForFunction(() => document.querySelector('.pane.focused .terminal-fit').terminal.rows < 40)
  await terminal.run('echo size: $(stty size)')
  const { cols, rows } = await terminal.size()
  await terminal.sees(new RegExp(`size: ${rows} ${cols}`))
  await page.setViewportSize({ width: 1440, height: 900 })
})

test('after a reload there is the same screen', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run('clear; printf "\\e[1;32mgreen\\e[0m 中文 \\xf0\\x9f\\x9a\\x80\\n"; seq 5')
  await terminal.sees(/^green 中文 🚀\n1\n2\n3\n4\n5\n.*[#$] /m)
  const shown = await terminal.lines()
  await page.reload()
  await terminal.live()
  await terminal.sees(/^green 中文 🚀\n1\n2\n3\n4\n5/m)
  assert.deepEqual(await terminal.lines(), shown)
})

test('a reload inside vim comes back into vim, and leaving it to what was there before', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run('clear; echo under""neath; vim -u NONE notes.txt')
  await terminal.sees(/^hello from vim\n~[\s\S]*"notes.txt" 1/)
  const shown = await terminal.lines()
  await page.reload()
  await terminal.live()
  await terminal.sees(/^hello from vim\n~/)
  assert.deepEqual(await terminal.lines(), shown)
  await terminal.run(':q')
  await terminal.sees(/^underneath$/m)
})

test('a flood is drawn to its end, and the terminal answers at once afterwards', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run('clear; seq 300000; echo fin""ished')
  await terminal.sees(/^299999\n300000\nfinished$/m)
  const numbers = (await terminal.lines(true)).filter((line) => /^\d+$/.test(line)).map(Number)
  const first = numbers[0]
  assert.deepEqual(
    numbers,
    Array.from({ length: 300_000 - first + 1 }, (_, i) => first + i),
  )
  await terminal.run('clear; echo qu""ick')
  await terminal.sees(/^quick$/m)
})

test('a killed server loses nothing of the output either', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run('clear; for i in $(seq 300); do echo "k$i"; sleep 0.005; done; echo fin""ished')
  await terminal.sees(/^k50$/m)
  await world.killServer()
  await page.locator('.status-state', { hasText: 'reconnecting' }).waitFor()
  await world.startServer()
  await terminal.live()
  await terminal.sees(/^finished$/m)
  const lines = await terminal.lines(true)
  assert.deepEqual(
    lines.filter((line) => /^k\d+$/.test(line)),
    Array.from({ length: 300 }, (_, i) => `k${i + 1}`),
  )
})

test('a restarted server: the same shell, and no number of a counter missing or doubled', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run(
    'clear; echo shell $$; for i in $(seq 800); do echo "n$i"; sleep 0.003; done; echo fin""ished',
  )
  await terminal.sees(/n100$/m)
  const pid = (await terminal.lines(true)).find((line) => /^shell \d+$/.test(line))
  const { code, took } = await world.stopServer()
  assert.equal(code, 0)
  assert.ok(took < 2000, `the server took ${took} ms to stop`)
  await page.locator('.status-state', { hasText: 'reconnecting' }).waitFor()
  await world.picture(page, 'reconnecting')
  await world.startServer()
  await terminal.live()
  await terminal.sees(/^finished$/m)
  const lines = await terminal.lines(true)
  const numbers = lines.filter((line) => /^n\d+$/.test(line))
  assert.deepEqual(
    numbers,
    Array.from({ length: 800 }, (_, i) => `n${i + 1}`),
  )
  await terminal.run('echo still $$')
  await terminal.sees(new RegExp(`^still ${pid.split(' ')[1]}$`, 'm'))
})

test('a broken network loses and doubles no typed byte', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run('clear; stty -echo; cat > typed.txt')
  const typed = Array.from({ length: 200 }, (_, i) => String(i).padStart(3, '0')).join(' ')
  for (const [at, key] of [...typed].entries()) {
    await page.keyboard.type(key)
    if (at % 150 === 100) world.network.drop()
  }
  await terminal.live()
  await terminal.press('Enter')
  await terminal.press('Control+d')
  await terminal.run('stty echo; wc -c typed.txt')
  await terminal.sees(/^800 typed.txt$/m)
  assert.equal((await readFile(join(world.dir, 'home/typed.txt'), 'utf8')).trim(), typed)
})

test('a cut network says so, keeps the screen, and goes on where it was', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run('clear; (sleep 1; echo; seq 100 110) & echo before')
  await terminal.sees(/^before$/m)
  world.network.cut()
  await page.locator('.status-state', { hasText: 'reconnecting' }).waitFor()
  await terminal.sees(/^before$/m)
  world.network.mend()
  await terminal.live()
  await terminal.sees(/^100\n101\n[\s\S]*^110$/m)
  const lines = await terminal.lines()
  for (let n = 100; n <= 110; n++) assert.equal(lines.filter((line) => line === String(n)).length, 1)
})

test('a second browser watches, and cannot type', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  const other = await world.person()
  await other.page.goto(`${world.url}/t/${terminal.uid}?watch=1`)
  const watching = new Terminal(other.page)
  await watching.live()
  await terminal.run('clear; echo seen by two')
  await watching.sees(/^seen by two$/m)
  await page.getByText('2 viewers').waitFor()
  await watching.type('never')
  await terminal.run('echo end')
  await watching.sees(/^end$/m)
  assert.ok(!(await terminal.lines()).some((line) => line.includes('never')))
  assert.deepEqual(other.faults, [])
  await other.context.close()
})

test('two writers: who types last decides the size, the other one keeps up', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  const before = await terminal.size()
  const other = await world.person({ viewport: { width: 800, height: 500 } })
  await other.page.goto(`${world.url}/t/${terminal.uid}`)
  const small = new Terminal(other.page)
  await small.live()
  await small.run('clear; echo small')
  await terminal.sees(/^small$/m)
  await page.waitForFunction(
    (rows) => document.querySelector('.pane.focused .terminal-fit').terminal.rows < rows,
    before.rows,
  )
  assert.deepEqual(await terminal.size(), await small.size())
  await page.locator('.pane.focused .letterbox').waitFor()
  await world.picture(page, 'letterbox')
  await other.context.close()
  await terminal.run('echo large')
  await page.waitForFunction(
    (rows) => document.querySelector('.pane.focused .terminal-fit').terminal.rows === rows,
    before.rows,
  )
})

test('a slow browser that looks on ends with the same screen and slows nobody', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  const slow = await world.person()
  const devtools = await slow.context.newCDPSession(slow.page)
  await devtools.send('Emulation.setCPUThrottlingRate', { rate: 20 })
  await slow.page.goto(`${world.url}/t/${terminal.uid}?watch=1`)
  const watching = new Terminal(slow.page)
  await watching.live()
  await terminal.run('clear; seq 400000; echo fin""ished')
  await terminal.sees(/^400000\nfinished$/m)
  await watching.sees(/^400000\nfinished$/m)
  assert.deepEqual((await watching.lines()).slice(0, 5), (await terminal.lines()).slice(0, 5))
  assert.deepEqual(slow.faults, [])
  await slow.context.close()
})

test('several lines are shown before they are pasted', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run('clear')
  await terminal.paste('echo one\necho two\n')
  await page.getByRole('dialog').getByText('Paste 2 lines?').waitFor()
  await world.picture(page, 'paste')
  await page.getByRole('button', { name: 'Cancel' }).click()
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
  await terminal.run('echo zero')
  await terminal.sees(/^zero$/m)
  assert.ok(!(await terminal.lines()).includes('one'))
  await terminal.paste('echo one\necho two\n')
  await page.getByRole('button', { name: 'Paste', exact: true }).click()
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
  // A shell that knows pastes waits for this key; one that does not has run them by now.
  await terminal.press('Enter')
  await terminal.sees(/^one$[\s\S]*^two$/m)
})

test('a paste that the program does not read waits, says so, and can be dropped', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run(
    'clear; stty raw -echo; echo waiting; sleep 3; timeout --foreground 3 cat > /dev/null; stty sane; echo read again',
  )
  await terminal.sees(/waiting/)
  await terminal.paste('x'.repeat(6 * 1024 * 1024))
  const note = page.getByText(/Waiting for the program to read/)
  await note.waitFor()
  await world.picture(page, 'backlog')
  await page.getByRole('button', { name: 'Drop it' }).click()
  await note.waitFor({ state: 'hidden' })
  await terminal.sees(/read again/)
  await terminal.run('echo alive')
  await terminal.sees(/^alive$/m)
})

test('the recording plays in another program', async () => {
  const { page } = person
  const terminal = new Terminal(page)
  await terminal.run('echo for the record')
  await terminal.sees(/^for the record$/m)
  const { uid } = terminal
  await terminal.run('exit 3')
  await page.getByText('This terminal has ended with exit code 3.').waitFor()
  await world.picture(page, 'ended')
  const file = join(world.dir, 'record.cast')
  await writeFile(file, await world.bastide('export', uid, '--format', 'v2'))
  const { stdout } = await promisify(execFile)(
    // It wants a terminal of its own.
    'script',
    ['-qec', `asciinema cat ${file}`, '/dev/null'],
    { maxBuffer: 1 << 28 },
  )
  assert.match(stdout, /for the record/)
  assert.match(stdout, /hello from vim/)
  await page.locator('.ending').getByRole('button', { name: 'Close' }).click()
  await page.goto(`${world.url}/?show=all`)
  await page.locator(`.row[data-uid="${uid}"]`, { hasText: 'exit code 3' }).waitFor()
})

test('the list is live, and ending asks first', async () => {
  const { page } = person
  await world.bastide('new', '-d', '-n', 'from-the-shell')
  const row = page.locator('.rows .row', { hasText: 'from-the-shell' })
  await row.waitFor()
  await row.getByRole('button', { name: 'End' }).click()
  await page.getByRole('dialog').getByText('from-the-shell').waitFor()
  await page.getByRole('dialog').getByRole('button', { name: 'End', exact: true }).click()
  await row.and(page.locator('[data-state=running]')).waitFor({ state: 'detached' })
  assert.deepEqual(person.faults, [])
})

test('what is not there says so', async () => {
  const { page } = person
  await page.goto(`${world.url}/t/01900000-0000-7000-8000-000000000000`)
  await page.getByText(/There is no such terminal/).waitFor()
  await page.goto(`${world.url}/nothing`)
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor()
})

test('the same in Chinese, in light, and on a telephone', async () => {
  await world.bastide('new', '-d', '-n', 'build', '--', 'sh', '-c', 'sleep 600')
  for (const colorScheme of ['light', 'dark']) {
    const { context, page, faults } = await world.person({ locale: 'zh-CN', colorScheme })
    await page.getByRole('table').getByRole('link', { name: 'build', exact: true }).waitFor()
    await world.picture(page, `home-zh-${colorScheme}`)
    await page.setViewportSize({ width: 390, height: 844 })
    await page.getByRole('table').getByRole('link', { name: 'build', exact: true }).waitFor()
    await world.picture(page, `home-zh-${colorScheme}-390`)
    const wide = await page.evaluate(() => document.documentElement.scrollWidth)
    assert.ok(wide <= 390, `the page is ${wide} px wide`)
    const terminal = await Terminal.open(page)
    await terminal.run('cd; PS1="\\$ "; clear; ls --color /; echo 你好，世界')
    await terminal.sees(/^你好，世界$/m)
    await world.picture(page, `terminal-zh-${colorScheme}-390`)
    await page.setViewportSize({ width: 1440, height: 900 })
    await page.waitForFunction(
      () => document.querySelector('.pane.focused .terminal-fit').terminal.cols > 100,
    )
    await world.picture(page, `terminal-zh-${colorScheme}`)
    assert.deepEqual(faults, [])
    await context.close()
  }
})

test('a picture for who reads about it', { skip: !process.env.BASTIDE_PICTURES }, async () => {
  const { page, context } = await world.person({
    viewport: { width: 1120, height: 640 },
    deviceScaleFactor: 1.5,
  })
  await symlink(join(import.meta.dirname, '../..'), join(world.env.HOME, 'bastide'))
  const terminal = await Terminal.open(page)
  await terminal.run("cd ~/bastide; PS1='\\[\\e[1;32m\\]\\w\\[\\e[0m\\] $ '; clear")
  await terminal.sees(/^\S+ \$ $/m)
  for (const command of [
    'ls --color',
    "grep --color=always -n 'pub fn' crates/wire/src/terminal/*.rs",
    'for n in 1 2 3 4 5 6; do printf "\\e[3%dm█▓▒░\\e[0m 终端 " $n; done; echo',
  ]) {
    await terminal.run(command)
    // The prompt is back.
    await terminal.sees(/\$ \s*$/)
  }
  await page.getByText('1 viewer').waitFor()
  await world.picture(page, 'terminal')
  await context.close()
})

test('logging out ends the login in every tab', async () => {
  const { page, context } = person
  await page.goto(world.url)
  const tab = await context.newPage()
  await tab.goto(world.url)
  await Terminal.open(tab)
  await page.getByRole('button', { name: 'Log out' }).click()
  await page.getByRole('heading', { name: 'Log in' }).waitFor()
  await tab.getByRole('heading', { name: 'Log in' }).waitFor()
})
