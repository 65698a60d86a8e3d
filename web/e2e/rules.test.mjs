// Rules, reviews and verdicts with made-up answers: what a person does with them, and what is asked for it.

import assert from 'node:assert/strict'
import { after, before, test } from 'node:test'
import { launch, REFUSED } from './pictures.mjs'
import { ADDRESS, session } from './stand-in.mjs'
import { visit } from './visit.mjs'

let browser

before(async () => {
  browser = await launch()
})

after(() => browser?.close())

test('a rule is written, tried while it is written, looked at and saved', async () => {
  const { page, context, server } = await visit(browser, '/rules')
  await page.getByRole('button', { name: 'Add a rule' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Name', { exact: true }).fill('No dd to disks')
  const take = dialog.getByRole('button', { name: 'Take over' })
  assert.equal(await take.isDisabled(), true)
  await dialog.getByLabel('Programs', { exact: true }).fill('dd\n/^mkfs/')
  await dialog.getByLabel('Arguments', { exact: true }).fill('{"at": ')
  await dialog.getByText('Line 1 cannot be read.').waitFor()
  assert.equal(await take.isDisabled(), true)
  await dialog.getByLabel('Arguments', { exact: true }).fill('of=/dev/*')
  await dialog.getByLabel('Command line').fill('sudo dd if=x of=/dev/sda')
  await dialog.locator('.try-verdict[data-action=deny]', { hasText: 'no-dd-to-disks' }).waitFor()
  await take.click()
  await page.locator('[data-rule=no-dd-to-disks]').waitFor()
  await page.getByText('1 change does not hold yet.').waitFor()
  // It is still there after a reload, and what is tried is what is not saved.
  await page.reload()
  await page.getByText('1 change does not hold yet.').waitFor()
  await page.getByLabel('Command line').fill('dd of=/dev/sdb')
  await page.locator('.try-verdict[data-action=deny]').waitFor()
  await page.getByRole('button', { name: 'Look and save' }).click()
  await dialog.locator('[data-sign="+"]', { hasText: 'of=/dev/*' }).waitFor()
  // Somebody else was quicker: what they have done is not undone unseen.
  const [before] = server.ruleVersions
  const rules = before.rules.rules.map((one) => (one.id === 'disks' ? { ...one, priority: 99 } : one))
  server.ruleVersions.unshift({ ...before, version: 4, rules: { ...before.rules, rules } })
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.getByText('Somebody else has saved rules meanwhile.').waitFor()
  await dialog.getByRole('button', { name: 'Put mine on top' }).click()
  await dialog.getByText('Somebody else has saved').waitFor({ state: 'detached' })
  assert.equal(await dialog.locator('.diff > li').count(), 1)
  await dialog.getByLabel('Why (optional)').fill('a disk was lost')
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'detached' })
  const [saved] = server.ruleVersions
  assert.equal(saved.version, 5)
  assert.equal(saved.note, 'a disk was lost')
  assert.equal(saved.rules.rules.find(({ id }) => id === 'disks').priority, 99)
  assert.deepEqual(saved.rules.rules.at(-1), {
    ...{ id: 'no-dd-to-disks', name: 'No dd to disks', priority: 50, action: 'deny' },
    match: { programs: ['dd', { regex: '^mkfs' }], arguments: ['of=/dev/*'] },
  })
  assert.equal(await page.locator('.save-bar').count(), 0)
  await context.close()
})

test('faults of a set are shown with their places', async () => {
  const { page, context } = await visit(browser, '/rules', (server) => {
    server.instead.set('POST /api/v1/rules/try', {
      status: 409,
      headers: { 'content-type': 'application/problem+json' },
      body: JSON.stringify({
        ...{ type: 'urn:bastide:problem:rules_refused', detail: 'refused' },
        faults: [{ place: 'rules[3].match.line[0]', what: 'unclosed group' }],
      }),
    })
  })
  await page.getByLabel('Command line').fill('ls')
  await page.locator('.faults code', { hasText: 'rules[3].match.line[0]' }).waitFor()
  await context.close()
})

test('defaults and gates have scopes, and a try says which it came to', async () => {
  const { page, context, server } = await visit(browser, '/rules')
  await page.getByRole('button', { name: 'Another default for some' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByLabel('Users', { exact: true }).fill('ops, night.*')
  await dialog.getByLabel('Commands', { exact: true }).selectOption('review')
  await dialog.getByLabel('Command line').fill('ls')
  await dialog.getByText('no rule: the default for ops, night.*').waitFor()
  await dialog.getByRole('button', { name: 'Take over' }).click()
  await page.getByRole('button', { name: 'Another default for some' }).click()
  await dialog.getByRole('textbox', { name: 'Tags' }).first().fill('prod')
  await dialog.getByRole('button', { name: 'Take over' }).click()
  const defaults = page.getByRole('list', { name: 'Defaults by scope' })
  await defaults.getByRole('button', { name: 'Ask earlier: #prod' }).click()
  assert.match((await defaults.getByRole('listitem').allTextContents())[0], /^#prod/)

  await page.getByRole('button', { name: 'Another gate for some' }).click()
  assert.equal(await dialog.getByRole('group', { name: 'Judged where' }).count(), 0)
  await dialog.getByLabel('Groups of people').fill('interns')
  await dialog.getByLabel('Layers that must be there').fill('seccomp, landlock')
  await dialog.getByRole('button', { name: 'Take over' }).click()
  await page.getByLabel('Command line').fill('ls')
  await page.getByText(/^Shells of this machine: closed.*seccomp, landlock \(@interns\)$/).waitFor()
  await page.getByRole('button', { name: 'Look and save' }).click()
  await dialog.getByRole('button', { name: 'Save' }).click()
  await dialog.waitFor({ state: 'detached' })
  const [saved] = server.ruleVersions
  assert.deepEqual(saved.rules.defaults, [
    { scope: { tags: ['prod'] }, action: 'deny', unknown: 'deny' },
    { scope: { users: ['ops', 'night.*'] }, action: 'review', unknown: 'deny' },
  ])
  assert.deepEqual(saved.control, {
    gate: 'workbench',
    scopes: [{ scope: { groups: ['interns'] }, gate: 'closed', layers: ['seccomp', 'landlock'] }],
  })
  // What is there is changed, and taken away.
  await page.getByRole('button', { name: 'Edit @interns' }).click()
  await dialog.getByRole('button', { name: 'Remove' }).click()
  await page.getByRole('list', { name: 'Gates by scope' }).waitFor({ state: 'detached' })
  await context.close()
})

test('a group is changed, and an earlier version comes back', async () => {
  const { page, context, server } = await visit(browser, '/rules/groups')
  await page.getByRole('button', { name: 'Edit Our databases' }).click()
  const dialog = page.getByRole('dialog')
  await dialog.getByRole('button', { name: 'Add a command' }).click()
  await dialog
    .getByRole('group', { name: 'Command 2' })
    .getByLabel('Programs', { exact: true })
    .fill('redis-cli')
  await dialog.getByRole('button', { name: 'Take over' }).click()
  await page.locator('[data-group=our-databases]', { hasText: 'redis-cli' }).waitFor()
  await page.getByRole('button', { name: 'Discard' }).click()
  await page.locator('.save-bar').waitFor({ state: 'detached' })
  await page.getByRole('link', { name: 'Versions' }).click()
  await page.getByRole('button', { name: /Version 2/ }).click()
  await page.locator('[data-sign="-"]', { hasText: '"priority": 10' }).waitFor()
  await page.getByRole('button', { name: 'Roll back to it' }).click()
  await page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click()
  await page.getByRole('button', { name: /Version 4/ }).waitFor()
  assert.ok(server.asked.includes('POST /api/v1/rules/versions/2/restore'))
  await context.close()
})

test('what waits is counted at once wherever one is, and decided with a reason', async () => {
  const { page, context, server } = await visit(browser, '/recordings')
  await page.locator('.rows .row').first().waitFor()
  assert.equal(await page.locator('.rail-badge').count(), 0)
  server.judge()
  server.tell({ type: 'review_opened', review: server.reviews[0] })
  await page.locator('.rail-badge', { hasText: '1' }).waitFor()
  await page.getByRole('link', { name: /^Reviews/ }).click()
  const review = page.getByRole('article', { name: 'A command of ops' })
  await review.getByText('sudo systemctl restart postgresql').waitFor()
  await review.getByLabel('Reason').fill('planned')
  // Enter is neither answer.
  await page.keyboard.press('Enter')
  assert.equal(await review.isVisible(), true)
  await review.getByRole('button', { name: 'Approve' }).click()
  await review.waitFor({ state: 'detached' })
  await page.locator('.rail-badge').waitFor({ state: 'detached' })
  await page.locator('[data-state=approved]', { hasText: /: planned ·/ }).waitFor()
  await context.close()
})

test('nobody is offered to approve their own; the terminal says that it waits, and gives up', async () => {
  const { page, context, server } = await visit(browser, `/t/${session(0).uid}`, (server) => {
    server.judge().says = [REFUSED, { ...REFUSED, text: 'waits', review: { state: 'open' } }]
  })
  // A refusal is told over the terminal; what waits has a place of its own.
  await page.getByRole('alert').getByText('Refused: rm -rf /srv').waitFor()
  const waits = page.locator('.waits')
  await waits.getByText('Waits for somebody to approve it').waitFor()
  assert.equal(await waits.getByRole('link').count(), 0)
  await waits.getByRole('button', { name: 'Cancel' }).click()
  await waits.waitFor({ state: 'detached' })
  assert.ok(server.asked.some((one) => /^POST \/api\/v1\/reviews\/.*\/cancel$/.test(one)))
  await context.close()
})

test('a command beside the replay leads to its second', async () => {
  const { page, context, server } = await visit(browser, '/recordings', (server) => server.judge())
  await page.goto(`${ADDRESS}/recordings/${server.recordings[2].id}`)
  const list = page.getByRole('region', { name: 'Commands' })
  await list.getByRole('button', { name: /rm/ }).click()
  await page.locator('.replay-screen').getByText('part_9').waitFor()
  await list.locator('[aria-current=true]', { hasText: 'deny' }).waitFor()
  await page.getByRole('checkbox', { name: 'Skip pauses' }).uncheck()
  await page.getByText('0:44 / 0:46').waitFor()
  await context.close()
})

test('commands that are known later than the recording leave the player where it is', async () => {
  let known
  const { page, context, server } = await visit(browser, '/recordings', (server) => {
    server.judge()
    const asked = `GET /api/v1/sessions/${server.recordings[2].id}/verdicts`
    server.held.set(asked, new Promise((done) => (known = done)))
  })
  await page.goto(`${ADDRESS}/recordings/${server.recordings[2].id}?t=43.5`)
  await page.locator('.replay-screen').getByText('part_6').waitFor()
  known()
  await page.getByRole('region', { name: 'Commands' }).getByRole('button', { name: /rm/ }).click()
  await page.locator('.replay-screen').getByText('part_9').waitFor()
  await context.close()
})

test('who may not see rules is not offered them', async () => {
  const { page, context, server } = await visit(browser, '/', (server) => {
    server.rights = ['review_list']
  })
  await page.locator('.rows .row').first().waitFor()
  assert.equal(await page.getByRole('link', { name: 'Rules' }).count(), 0)
  await page.goto(`${ADDRESS}/rules`)
  await page.getByRole('heading', { name: 'There is no such page' }).waitFor()
  assert.equal(server.asked.includes('GET /api/v1/rules'), false)
  await context.close()
})
