import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { createGrant, type GrantRight, type Weekday } from '../api/servers.ts'
import { DialogForm } from '../parts/dialog-form.tsx'
import { Choice, Field, Toggle } from '../parts/field.tsx'
import { type Names, RIGHTS } from './names.ts'

const TERMS = { never: 0, day: 1, week: 7, month: 30 } as const
const DAY = 86_400_000
const USUAL: readonly GrantRight[] = ['connect', 'write', 'execute']
const WEEK = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const satisfies Weekday[]

/** `u:1`, `g:…`, `s:…`, `t:…`, `r:…`, `*:`: the kind of thing and its id in one value of a choice. */
const split = (value: string): [string, string] => [value.slice(0, 1), value.slice(2)]

/** Some of a few, as boxes. */
export function Boxes<T extends string>({
  legend,
  all,
  words,
  chosen,
  choose,
}: {
  legend: string
  all: readonly T[]
  words: (one: T) => string
  chosen: ReadonlySet<T>
  choose: (chosen: ReadonlySet<T>) => void
}) {
  const toggle = (one: T) => {
    const now = new Set(chosen)
    if (!now.delete(one)) now.add(one)
    choose(now)
  }
  return (
    <fieldset className="choices">
      <legend>{legend}</legend>
      {all.map((one) => (
        <label key={one}>
          <input type="checkbox" checked={chosen.has(one)} onChange={() => toggle(one)} />
          {words(one)}
        </label>
      ))}
    </fieldset>
  )
}

export function RightsField({
  rights,
  choose,
}: {
  rights: ReadonlySet<GrantRight>
  choose: (rights: ReadonlySet<GrantRight>) => void
}) {
  const { t } = useTranslation()
  const half = rights.has('connect') !== rights.has('write')
  return (
    <>
      <Boxes
        legend={t('access.rights')}
        all={RIGHTS}
        words={(right) => t(`access.right.${right}`)}
        chosen={rights}
        choose={choose}
      />
      {half && <p className="soft">{t('access.rights.terminal')}</p>}
      {rights.size === 0 && <p className="soft">{t('access.rights.none')}</p>}
    </>
  )
}

interface Within {
  days: ReadonlySet<Weekday>
  from: string
  to: string
  zone: string
}

const office = (): Within => ({
  days: new Set(WEEK.slice(0, 5)),
  from: '08:00',
  to: '18:00',
  zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
})

export function GrantForm({ names, close }: { names: Names; close: () => void }) {
  const { t } = useTranslation()
  const [who, setWho] = useState('')
  const [what, setWhat] = useState('')
  const [rights, setRights] = useState<ReadonlySet<GrantRight>>(new Set(USUAL))
  const [credential, setCredential] = useState('')
  const [term, setTerm] = useState<keyof typeof TERMS>('never')
  const [hours, setHours] = useState<Within | null>(null)
  const [networks, setNetworks] = useState('')
  const act = async () => {
    const [person, whom] = split(who)
    const [kind, where] = split(what)
    await createGrant({
      user_id: person === 'u' ? Number(whom) : null,
      group_id: person === 'g' ? Number(whom) : null,
      server_id: kind === 's' ? Number(where) : null,
      tag: kind === 't' ? where : null,
      server_group: kind === 'r' ? where : null,
      everywhere: kind === '*',
      rights: RIGHTS.filter((right) => rights.has(right)),
      credential_ids: credential && credential !== 'any' ? [Number(credential)] : [],
      any_credential: credential === 'any',
      times: hours ? [{ ...hours, days: WEEK.filter((day) => hours.days.has(day)) }] : [],
      networks: networks.split(/[\s,]+/).filter(Boolean),
      expires: TERMS[term] ? new Date(Date.now() + TERMS[term] * DAY).toISOString() : null,
    })
    close()
  }
  const people = Object.fromEntries([
    ['', t('access.choose')],
    ...[...names.groups].map(([id, name]) => [`g:${id}`, t('access.group.named', { name })]),
    ...[...names.users].map(([id, name]) => [`u:${id}`, name]),
  ])
  const things = Object.fromEntries([
    ['', t('access.choose')],
    ['*:', t('access.everywhere')],
    ...names.tags.map((tag) => [`t:${tag}`, t('access.tag.named', { tag })]),
    ...names.serverGroups.map((name) => [`r:${name}`, t('access.server_group.named', { name })]),
    ...[...names.servers].map(([id, name]) => [`s:${id}`, name]),
  ])
  const credentials: Record<string, string> = {
    '': t('access.credential.any'),
    any: t('access.credential.all'),
    ...Object.fromEntries([...names.credentials].map(([id, name]) => [String(id), name])),
  }
  return (
    <DialogForm
      title={t('access.grant.add')}
      yes={t('access.grant.add')}
      ready={who !== '' && what !== '' && rights.size > 0}
      act={act}
      close={close}
    >
      <Choice label={t('access.who')} options={people} value={who} choose={setWho} data-first />
      <Choice label={t('access.what')} options={things} value={what} choose={setWhat} />
      <RightsField rights={rights} choose={setRights} />
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
      <Toggle label={t('access.hours')} on={hours !== null} turn={(on) => setHours(on ? office() : null)} />
      {hours && <HoursFields hours={hours} change={setHours} />}
      <Field
        label={t('access.networks')}
        hint={t('access.networks.hint')}
        autoComplete="off"
        spellCheck={false}
        value={networks}
        onChange={(event) => setNetworks(event.target.value)}
      />
    </DialogForm>
  )
}

function HoursFields({ hours, change }: { hours: Within; change: (hours: Within) => void }) {
  const { t } = useTranslation()
  return (
    <>
      <Boxes
        legend={t('access.days')}
        all={WEEK}
        words={(day) => t(`access.day.${day}`)}
        chosen={hours.days}
        choose={(days) => change({ ...hours, days })}
      />
      {hours.days.size === 0 && <p className="soft">{t('access.days.every')}</p>}
      <Field
        label={t('access.from')}
        type="time"
        required
        value={hours.from}
        onChange={(event) => change({ ...hours, from: event.target.value })}
      />
      <Field
        label={t('access.to')}
        type="time"
        required
        value={hours.to}
        onChange={(event) => change({ ...hours, to: event.target.value })}
      />
      <Field
        label={t('access.zone')}
        required
        spellCheck={false}
        value={hours.zone}
        onChange={(event) => change({ ...hours, zone: event.target.value })}
      />
    </>
  )
}
