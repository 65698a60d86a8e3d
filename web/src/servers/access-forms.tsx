import { Button } from 'antd'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { changeGroup, createGrant, createGroup, type Group } from '../api/servers.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Choice, Field } from '../parts/field.tsx'
import { ProblemNotice } from '../parts/notice.tsx'
import { useAction } from '../parts/use-load.ts'
import type { Names } from './names.ts'

const DAYS = { never: 0, day: 1, week: 7, month: 30 } as const
const DAY = 86_400_000

/** `u:1`, `g:…`, `s:…`, `t:…`: the kind of thing and its id in one value of a choice. */
const split = (value: string): [string, string] => [value.slice(0, 1), value.slice(2)]

export function GrantForm({ names, close }: { names: Names; close: () => void }) {
  const { t } = useTranslation()
  const [who, setWho] = useState('')
  const [what, setWhat] = useState('')
  const [credential, setCredential] = useState('')
  const [term, setTerm] = useState<keyof typeof DAYS>('never')
  const { busy, problem, run } = useAction()
  const submit = (event: FormEvent) => {
    event.preventDefault()
    const [person, whom] = split(who)
    const [kind, where] = split(what)
    run(async () => {
      await createGrant({
        user_id: person === 'u' ? Number(whom) : null,
        group_id: person === 'g' ? Number(whom) : null,
        server_id: kind === 's' ? Number(where) : null,
        tag: kind === 't' ? where : null,
        credential_id: credential ? Number(credential) : null,
        expires: DAYS[term] ? new Date(Date.now() + DAYS[term] * DAY).toISOString() : null,
      })
      close()
    })
  }
  const people = Object.fromEntries([
    ['', t('access.choose')],
    ...[...names.groups].map(([id, name]) => [`g:${id}`, t('access.group.named', { name })]),
    ...[...names.users].map(([id, name]) => [`u:${id}`, name]),
  ])
  const things = Object.fromEntries([
    ['', t('access.choose')],
    ...names.tags.map((tag) => [`t:${tag}`, t('access.tag.named', { tag })]),
    ...[...names.servers].map(([id, name]) => [`s:${id}`, name]),
  ])
  const credentials: Record<string, string> = {
    '': t('access.credential.any'),
    ...Object.fromEntries([...names.credentials].map(([id, name]) => [String(id), name])),
  }
  return (
    <Dialog title={t('access.grant.add')} close={close}>
      <form className="form" onSubmit={submit}>
        <Choice label={t('access.who')} options={people} value={who} choose={setWho} data-first />
        <Choice label={t('access.what')} options={things} value={what} choose={setWhat} />
        <Choice
          label={t('access.how')}
          hint={t('access.how.hint')}
          options={credentials}
          value={credential}
          choose={setCredential}
        />
        <Choice
          label={t('access.expires')}
          options={{
            never: t('access.never'),
            day: t('tokens.term.day'),
            week: t('tokens.term.week'),
            month: t('tokens.term.month'),
          }}
          value={term}
          choose={setTerm}
        />
        <ProblemNotice problem={problem} />
        <div className="dialog-actions">
          <Button onClick={close}>{t('form.cancel')}</Button>
          <Button type="primary" htmlType="submit" loading={busy} disabled={!who || !what}>
            {t('access.grant.add')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}

export function GroupForm({ group, names, close }: { group: Group | null; names: Names; close: () => void }) {
  const { t } = useTranslation()
  const [name, setName] = useState(group?.name ?? '')
  const [members, setMembers] = useState<ReadonlySet<number>>(() => new Set(group?.members))
  const { busy, problem, run } = useAction()
  const toggle = (id: number) => {
    const now = new Set(members)
    if (!now.delete(id)) now.add(id)
    setMembers(now)
  }
  const submit = (event: FormEvent) => {
    event.preventDefault()
    run(async () => {
      if (group) await changeGroup(group.id, { name: name.trim(), members: [...members] })
      else await createGroup(name.trim(), [...members])
      close()
    })
  }
  return (
    <Dialog
      title={group ? t('servers.edit.title', { name: group.name }) : t('access.group.add')}
      close={close}
    >
      <form className="form" onSubmit={submit}>
        <Field
          label={t('servers.column.name')}
          autoFocus
          required
          autoComplete="off"
          value={name}
          onChange={(event) => setName(event.target.value)}
        />
        <fieldset className="choices members">
          <legend>{t('access.members')}</legend>
          {[...names.users].map(([id, username]) => (
            <label key={id}>
              <input type="checkbox" checked={members.has(id)} onChange={() => toggle(id)} />
              {username}
            </label>
          ))}
        </fieldset>
        <ProblemNotice problem={problem} />
        <div className="dialog-actions">
          <Button onClick={close}>{t('form.cancel')}</Button>
          <Button type="primary" htmlType="submit" loading={busy} disabled={!name.trim()}>
            {t('form.save')}
          </Button>
        </div>
      </form>
    </Dialog>
  )
}
