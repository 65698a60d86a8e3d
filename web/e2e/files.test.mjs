// Files of a server in the browser, with a real sshd: up with progress and on after a cut, down, changed, and refused.

import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { after, before, beforeEach, test } from 'node:test'
import { Sshd } from './sshd.mjs'
import { freePort, World } from './world.mjs'

const MB = 1024 * 1024
/** What files are chosen with, and not a folder. */
const FILES = 'input[type=file]:not([webkitdirectory])'

let world
let sshd
let page
let dir
let server
let files

const digest = (bytes) => createHash('sha256').update(bytes).digest('hex')

/** Bytes that are different everywhere. */
function content(length) {
  const bytes = Buffer.alloc(length)
  for (let at = 0; at + 4 <= length; at += 4) bytes.writeUInt32LE((at * 2_654_435_761) % 2 ** 32, at)
  return bytes
}

const ask = (method, path, body) =>
  page.evaluate(
    async ([method, path, body]) => {
      const headers = { 'content-type': 'application/json' }
      const response = await fetch(path, { method, headers, body: JSON.stringify(body) })
      if (!response.ok) throw new Error(await response.text())
      return response.status === 204 ? null : response.json()
    },
    [method, path, body],
  )

before(async () => {
  world = await World.start()
  sshd = await Sshd.start(await freePort())
  dir = join(sshd.dir, 'files')
  await mkdir(dir)
  ;({ page } = await world.person())
  const key = { name: 'key', username: sshd.user, kind: 'key', key: sshd.key }
  const { id } = await ask('POST', '/api/v1/credentials', key)
  const about = { name: 'far', host: '127.0.0.1', port: sshd.port, default_credential_id: id }
  server = await ask('POST', '/api/v1/servers', about)
  await ask('POST', `/api/v1/servers/${server.id}/host-keys`, { key: sshd.hostKey })
  files = `${world.url}/servers/${server.id}/files?path=${encodeURIComponent(dir)}`
})

after(async () => {
  await sshd?.remove()
  await world?.stop()
})

// One that fails in the middle of a cut is not the end of the others.
beforeEach(() => world.network.mend())

const row = (name) => page.locator(`[data-file="${name}"]`)

/** Notes in the page how far every bar has been; asked for later, as none is looked at while it moves. */
const watchBars = () =>
  page.evaluate(() => {
    window.shown = []
    new MutationObserver(() => {
      for (const bar of document.querySelectorAll('progress')) window.shown.push(bar.position)
    }).observe(document.body, {
      subtree: true,
      childList: true,
      attributes: true,
      attributeFilter: ['value'],
    })
  })

async function choose(name) {
  await page.getByRole('checkbox', { name: `Choose ${name}` }).check()
}

test('an empty directory says what to do, and a folder is made in it', async () => {
  await page.goto(`${world.url}/servers/${server.id}`)
  await page.getByRole('link', { name: 'Files', exact: true }).click()
  await page.locator('.file-crumbs').waitFor()
  await page.goto(files)
  await page.getByText('Nothing is in here').waitFor()
  await page.getByRole('button', { name: 'New folder' }).click()
  await page.getByRole('dialog').getByLabel('Name').fill('sub')
  await page.keyboard.press('Enter')
  await row('sub').waitFor()
  assert.ok((await stat(join(dir, 'sub'))).isDirectory())
})

test('a file goes up with progress, and on where it was after the network was cut', async () => {
  const bytes = content(40 * MB)
  const local = join(sshd.dir, 'large.bin')
  await writeFile(local, bytes)
  world.network.cutAfter(12 * MB)
  await watchBars()
  await page.locator(FILES).setInputFiles(local)
  await page.locator('[data-upload="large.bin"][data-state=retrying]').waitFor()
  assert.ok((await readdir(dir)).some((name) => name.startsWith('.large.bin.part-')))
  world.network.mend()
  await page.locator('[data-upload="large.bin"][data-state=done]').waitFor()
  await row('large.bin').waitFor()
  const shown = await page.evaluate(() => window.shown)
  assert.ok(
    shown.some((far) => far > 0 && far < 1),
    'it has shown how far it is',
  )
  assert.equal(digest(await readFile(join(dir, 'large.bin'))), digest(bytes))
  assert.deepEqual((await readdir(dir)).sort(), ['large.bin', 'sub'])
})

test('a name that is taken is asked about', async () => {
  const local = { name: 'large.bin', mimeType: '', buffer: Buffer.from('small now') }
  await page.locator(FILES).setInputFiles(local)
  await page.getByRole('button', { name: 'Replace large.bin' }).click()
  await page.locator('[data-upload="large.bin"][data-state=done]').nth(1).waitFor()
  assert.equal(await readFile(join(dir, 'large.bin'), 'utf8'), 'small now')
})

test('files that are dropped go up too', async () => {
  const transfer = await page.evaluateHandle(() => {
    const transfer = new DataTransfer()
    transfer.items.add(new File(['dropped\n'], '丢 a.txt'))
    return transfer
  })
  await page.dispatchEvent('.files', 'dragover', { dataTransfer: transfer })
  await page.getByText('Drop to upload').waitFor()
  await page.dispatchEvent('.files', 'drop', { dataTransfer: transfer })
  await row('丢 a.txt').waitFor()
  assert.equal(await readFile(join(dir, '丢 a.txt'), 'utf8'), 'dropped\n')
})

/** What is in a directory and below, by path. */
async function below(top, inside = '') {
  const all = {}
  for (const entry of await readdir(join(top, inside), { withFileTypes: true })) {
    const path = join(inside, entry.name)
    if (entry.isDirectory()) Object.assign(all, { [`${path}/`]: '' }, await below(top, path))
    else all[path] = digest(await readFile(join(top, path)))
  }
  return all
}

const tree = () => join(sshd.dir, 'a tree')
const folder = (state) => page.locator(`[data-upload="a tree"][data-kind=directory][data-state=${state}]`)

test('a folder goes up with all that is in it, and on where it was after the network was cut', async () => {
  await mkdir(join(tree(), 'sub/deep'), { recursive: true })
  await writeFile(join(tree(), 'sub/deep/large.bin'), content(20 * MB))
  await writeFile(join(tree(), 'sub/用\\.txt'), 'odd\n')
  for (let at = 0; at < 30; at++) await writeFile(join(tree(), `f${at}`), String(at))
  world.network.cutAfter(6 * MB)
  const chooser = page.waitForEvent('filechooser')
  await page.getByRole('button', { name: 'Upload a folder' }).focus()
  await page.keyboard.press('Enter')
  await (await chooser).setFiles(tree())
  await folder('retrying').waitFor()
  world.network.mend()
  await folder('done').getByText('32 of 32 files').waitFor()
  assert.deepEqual(await below(join(dir, 'a tree')), await below(tree()))
  await row('a tree').waitFor()
})

test('a folder that is there already gets what it lacks, and the rest is asked about', async () => {
  await page.getByRole('button', { name: 'Clear finished' }).click()
  await mkdir(join(tree(), 'empty/in it'), { recursive: true })
  await writeFile(join(tree(), 'new'), 'new\n')
  await writeFile(join(tree(), 'f0'), 'changed\n')
  // As the desktop does it, which a script in the page cannot.
  const browser = await page.context().newCDPSession(page)
  const { x, y } = await page.locator('.files').boundingBox()
  const data = { items: [], files: [tree()], dragOperationsMask: 1 }
  for (const type of ['dragEnter', 'dragOver', 'drop'])
    await browser.send('Input.dispatchDragEvent', { type, x: x + 20, y: y + 20, data })
  await folder('exists').getByText('32 files of it are there already').waitFor()
  const there = join(dir, 'a tree')
  assert.equal(await readFile(join(there, 'new'), 'utf8'), 'new\n')
  assert.ok((await stat(join(there, 'empty/in it'))).isDirectory())
  assert.equal(await readFile(join(there, 'f0'), 'utf8'), '0')
  await page.getByRole('button', { name: 'Replace them' }).click()
  await folder('done').waitFor()
  assert.deepEqual(await below(there), await below(tree()))
})

test('a folder with more in it than is taken says so, and nothing of it is sent', async () => {
  await page.getByRole('button', { name: 'Clear finished' }).click()
  await page.locator('input[webkitdirectory]').evaluate((input) => {
    const many = new DataTransfer()
    for (let at = 0; at <= 5000; at++) many.items.add(new File([], `f${at}`))
    input.files = many.files
    input.dispatchEvent(new Event('change', { bubbles: true }))
  })
  await page.getByText('more than 5000 files').waitFor()
  assert.equal(await page.locator('[data-upload]').count(), 0)
})

test('what comes down is what is there', async () => {
  const bytes = content(3 * MB + 1)
  await writeFile(join(dir, 'down.bin'), bytes)
  await page.reload()
  const [download] = await Promise.all([
    page.waitForEvent('download'),
    row('down.bin').getByRole('link').click(),
  ])
  assert.equal(download.suggestedFilename(), 'down.bin')
  assert.equal(digest(await readFile(await download.path())), digest(bytes))
  await choose('sub')
  const [archive] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('toolbar').getByRole('link', { name: 'All as zip' }).click(),
  ])
  assert.equal(archive.suggestedFilename(), 'sub.zip')
})

test('a text is edited, and who comes late is told so', async () => {
  await writeFile(join(dir, 'a.conf'), 'port = 1\n')
  await page.reload()
  await choose('a.conf')
  await page.getByRole('button', { name: 'Edit', exact: true }).click()
  const text = page.getByLabel('Text of a.conf')
  await text.fill('port = 2\n')
  await writeFile(join(dir, 'a.conf'), 'port = 3\n')
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('Somebody has changed this file').waitFor()
  await page.getByRole('button', { name: 'Look again' }).click()
  await page.waitForFunction(() => document.querySelector('.file-text')?.value === 'port = 3\n')
  await text.fill('port = 4\n')
  await page.getByRole('button', { name: 'Save' }).click()
  await text.waitFor({ state: 'detached' })
  assert.equal(await readFile(join(dir, 'a.conf'), 'utf8'), 'port = 4\n')
})

test('renamed, given other permissions and removed with the keyboard', async () => {
  await row('a.conf').getByRole('link').focus()
  await page.keyboard.press('F2')
  await page.getByRole('dialog').getByLabel('Name').fill('b.conf')
  await page.keyboard.press('Enter')
  await row('b.conf').waitFor()
  await choose('b.conf')
  await page.getByRole('button', { name: 'Permissions' }).click()
  await page.getByRole('checkbox', { name: 'Others: read' }).uncheck()
  await page.getByRole('button', { name: 'Set', exact: true }).click()
  await row('b.conf').getByText('rw-r-----').waitFor()
  await row('b.conf').getByRole('link').focus()
  await page.keyboard.press('Delete')
  await page.getByRole('dialog', { name: 'Delete b.conf?' }).getByRole('button', { name: 'Delete' }).click()
  await row('b.conf').waitFor({ state: 'detached' })
  assert.ok(!(await readdir(dir)).includes('b.conf'))
})

test('whoever has no right to it sees no button, and no file', async () => {
  const made = await ask('POST', '/api/v1/users', { username: 'bob', role: 'user' })
  const link = await ask('POST', `/api/v1/users/${made.id}/login-link`, {})
  const grant = { user_id: made.id, server_id: server.id }
  await ask('POST', '/api/v1/grants', { ...grant, rights: ['connect', 'write'] })
  const { page: other } = await world.person()
  await other.context().clearCookies()
  const { pathname, search } = new URL(link.url)
  await world.followLink(other, `${world.url}${pathname}${search}`)
  await other.goto(`${world.url}/servers/${server.id}`)
  await other.getByRole('heading', { name: 'far' }).waitFor()
  assert.equal(await other.getByRole('link', { name: 'Files', exact: true }).count(), 0)
  await other.goto(files)
  await other.getByText('You have no right to move files').waitFor()
  // Down only: there is nothing to press that goes up.
  await ask('POST', '/api/v1/grants', { ...grant, rights: ['download'] })
  await other.goto(files)
  await other.locator('[data-file=sub]').waitFor()
  assert.equal(await other.getByRole('button', { name: 'Upload' }).count(), 0)
  const path = `/api/v1/servers/${server.id}/files/mkdir`
  const status = await other.evaluate(
    async ([path, body]) => {
      const headers = { 'content-type': 'application/json' }
      return (await fetch(path, { method: 'POST', headers, body })).status
    },
    [path, JSON.stringify({ path: join(dir, 'no') })],
  )
  assert.equal(status, 403)
})
