import { Button } from 'antd'
import { type FormEvent, useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Problem } from '../api/client.ts'
import { getSettings, putSettings, type Scope, type Settings, type Written } from '../api/session-settings.ts'
import { Ago } from '../parts/ago.tsx'
import { Area } from '../parts/area.tsx'
import { Choice, Field } from '../parts/field.tsx'
import { Notice, ProblemNotice } from '../parts/notice.tsx'
import { useAction, useLoad } from '../parts/use-load.ts'
import { type Draft, draftOf, NUMBERS, type NumberPlace, numberAt, settingsOf, unreadable } from './draft.ts'
import { writeAmount } from './units.ts'
import { Variables } from './variables.tsx'

/** What holds for the sessions of one scope, to be changed. `beside` stands before the button that saves. */
export function SettingsForm({
  scope,
  done,
  beside,
}: {
  scope: Scope
  done?: (() => void) | undefined
  beside?: React.ReactNode
}) {
  const { t } = useTranslation()
  const load = useCallback(
    async () => ({
      written: await getSettings(scope),
      inherited: scope === 'global' ? {} : (await getSettings('global')).settings,
    }),
    [scope],
  )
  const { data, problem, reload } = useLoad(load)
  if (!data) {
    return problem ? (
      <ProblemNotice problem={problem} retry={reload} />
    ) : (
      <p className="loading soft">{t('frame.loading')}</p>
    )
  }
  // What was saved or read anew begins a new form.
  return (
    <Loaded
      key={data.written.version}
      scope={scope}
      {...data}
      beside={beside}
      saved={done ?? reload}
      reload={reload}
    />
  )
}

/** The words of faults, by place; those of a list with the line that they are about. */
function useFaults(problem: Problem | null, wrong: ReadonlySet<NumberPlace>) {
  const { t } = useTranslation()
  const faults = problem?.faults ?? []
  return (place: string): string | null => {
    if (wrong.has(place as NumberPlace)) return t('limits.unreadable')
    const found = faults.find((one) => one.place === place || one.place.startsWith(`${place}[`))
    if (!found) return null
    const at = /\[(\d+)\]$/.exec(found.place)?.[1]
    return at ? t('limits.line', { line: Number(at) + 1, what: found.what }) : found.what
  }
}

function Loaded({
  scope,
  written,
  inherited,
  beside,
  saved,
  reload,
}: {
  scope: Scope
  written: Written
  inherited: Settings
  beside: React.ReactNode
  saved: () => void
  reload: () => void
}) {
  const { t } = useTranslation()
  const [draft, setDraft] = useState(() => draftOf(written.settings))
  const { busy, problem, run } = useAction()
  const wrong = unreadable(draft)
  const fault = useFaults(problem, wrong)
  const change = (part: Partial<Draft>) => setDraft((before) => ({ ...before, ...part }))
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (wrong.size > 0) return
    run(async () => {
      await putSettings(scope, settingsOf(draft, written.settings), written.version)
      saved()
    })
  }
  const late = problem?.status === 412
  return (
    <form className="form limits" onSubmit={submit}>
      <Numbers scope={scope} draft={draft} inherited={inherited} fault={fault} change={change} />
      <Variables variables={draft.variables} fault={fault} change={(variables) => change({ variables })} />
      <Lists draft={draft} inherited={inherited} fault={fault} change={change} />
      {written.changed && (
        <p className="soft">
          {t('limits.changed', { who: written.author ?? '–' })} <Ago at={written.changed} />
        </p>
      )}
      {late ? (
        <Notice tone="wait" action={<Button onClick={reload}>{t('limits.anew')}</Button>}>
          {t('limits.late')}
        </Notice>
      ) : problem && problem.faults.length > 0 ? (
        <Notice tone="bad">{t('limits.faults')}</Notice>
      ) : (
        <ProblemNotice problem={problem} />
      )}
      <div className={beside ? 'dialog-actions' : 'form-actions'}>
        {beside}
        <Button type="primary" htmlType="submit" loading={busy} disabled={wrong.size > 0 || late}>
          {t('form.save')}
        </Button>
      </div>
    </form>
  )
}

interface Part {
  draft: Draft
  inherited: Settings
  fault: (place: string) => string | null
  change: (part: Partial<Draft>) => void
}

const TIMES: readonly NumberPlace[] = ['idle_timeout', 'max_lifetime', 'detach_keep']
const TOGETHER: readonly NumberPlace[] = [
  'limits.group.processes',
  'limits.group.memory',
  'limits.group.cpu_percent',
]
const EACH: readonly NumberPlace[] = [
  'limits.open_files',
  'limits.processes',
  'limits.memory',
  'limits.file_size',
  'limits.cpu_seconds',
]

function Numbers({ scope, draft, inherited, fault, change }: Part & { scope: Scope }) {
  const { t } = useTranslation()
  const ofServer = scope !== 'global' && 'server' in scope
  const numbers = (places: readonly NumberPlace[]) =>
    places.map((place) => (
      <Field
        key={place}
        label={t(`limits.of.${place.replaceAll('.', '_') as 'deny'}`)}
        hint={NUMBERS[place] === 'plain' ? undefined : t(`limits.unit.${NUMBERS[place]}`)}
        error={fault(place)}
        placeholder={writeAmount(numberAt(inherited, place), NUMBERS[place])}
        autoComplete="off"
        spellCheck={false}
        value={draft.numbers[place]}
        onChange={(event) => change({ numbers: { ...draft.numbers, [place]: event.target.value } })}
      />
    ))
  return (
    <>
      {scope !== 'global' && <p className="soft">{t('limits.inherits')}</p>}
      {!ofServer && <div className="pair">{numbers(['max_sessions'])}</div>}
      <fieldset className="limits-group">
        <legend>{t('limits.times')}</legend>
        <div className="pair">{numbers(TIMES)}</div>
      </fieldset>
      <fieldset className="limits-group">
        <legend>{t('limits.together')}</legend>
        <p className="soft">{t('limits.together.hint')}</p>
        <div className="pair">{numbers(TOGETHER)}</div>
      </fieldset>
      <fieldset className="limits-group">
        <legend>{t('limits.each')}</legend>
        <div className="pair">{numbers(EACH)}</div>
      </fieldset>
    </>
  )
}

function Lists({ draft, inherited, fault, change }: Part) {
  const { t } = useTranslation()
  const tmp = inherited.private_tmp
  const from = (list: readonly string[] | null | undefined) =>
    list?.length ? ` ${t('limits.inherited', { list: list.join(', ') })}` : ''
  return (
    <>
      <div className="pair">
        <Area
          label={t('limits.of.deny')}
          hint={t('limits.deny.hint') + from(inherited.deny)}
          error={fault('deny')}
          code
          placeholder="AWS_*"
          value={draft.deny}
          onChange={(event) => change({ deny: event.target.value })}
        />
        <Area
          label={t('limits.of.allow')}
          hint={t('limits.allow.hint') + from(inherited.allow)}
          error={fault('allow')}
          code
          placeholder={'LANG\nLC_*'}
          value={draft.allow}
          onChange={(event) => change({ allow: event.target.value })}
        />
      </div>
      <fieldset className="limits-group">
        <legend>{t('limits.files')}</legend>
        <div className="pair">
          <Field
            label={t('limits.of.umask')}
            hint={t('limits.umask.hint')}
            error={fault('umask')}
            placeholder={inherited.umask ?? '022'}
            autoComplete="off"
            spellCheck={false}
            value={draft.umask}
            onChange={(event) => change({ umask: event.target.value })}
          />
          <Choice
            label={t('limits.of.private_tmp')}
            hint={t('limits.mounts.hint')}
            options={{
              inherit: t('limits.inherit', {
                value: t(tmp ? 'limits.yes' : 'limits.no'),
              }),
              yes: t('limits.yes'),
              no: t('limits.no'),
            }}
            value={draft.private_tmp}
            choose={(private_tmp) => change({ private_tmp })}
          />
        </div>
        <Area
          label={t('limits.of.read_only')}
          hint={t('limits.mounts.hint') + from(inherited.read_only)}
          error={fault('read_only')}
          code
          placeholder="/srv/data"
          value={draft.read_only}
          onChange={(event) => change({ read_only: event.target.value })}
        />
      </fieldset>
    </>
  )
}
