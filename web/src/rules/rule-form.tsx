import { type FormEvent, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { ACTIONS, type Action, type CommandGroup, type Match, type Rule, type RuleSet } from '../api/rules.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Choice, Field, Toggle } from '../parts/field.tsx'
import { MatchFields } from './match-fields.tsx'
import { ScopeFields } from './scope-fields.tsx'
import { idFault, idFor, putRule, tidyRule } from './set.ts'
import { TakeOver } from './take-over.tsx'
import { TryBox } from './try.tsx'

const FRESH: Rule = { id: '', priority: 50, action: 'deny', match: {} }
const LAST_PRIORITY = 100

/** One rule, with a try of the set as it would be. It is not saved before the set is. */
export function RuleForm({
  rule,
  set,
  groups,
  put,
  remove,
  close,
}: {
  /** Null: a new one. */
  rule: Rule | null
  set: RuleSet
  groups: readonly CommandGroup[]
  put: (rule: Rule, instead: string | null) => void
  remove: (rule: Rule) => void
  close: () => void
}) {
  const { t } = useTranslation()
  const [draft, setDraft] = useState<Rule>(rule ?? FRESH)
  const [unreadable, setUnreadable] = useState(false)
  const change = (part: Partial<Rule>) => setDraft((before) => ({ ...before, ...part }))
  const taken = useMemo(
    () => new Set((set.rules ?? []).map(({ id }) => id).filter((id) => id !== rule?.id)),
    [set, rule],
  )
  const id = draft.id || idFor(draft.name ?? '', taken)
  const clean = useMemo(() => tidyRule({ ...draft, id }), [draft, id])
  const empty = Object.keys(clean.match).filter((key) => key !== 'ignore_case').length === 0
  const wrong = idFault(id) || taken.has(id) || unreadable || empty || !inRange(draft.priority)
  const tried = useMemo(
    () => (wrong ? undefined : putRule(set, clean, rule?.id ?? null)),
    [wrong, set, clean, rule],
  )
  const submit = (event: FormEvent) => {
    event.preventDefault()
    if (wrong) return
    put(clean, rule?.id ?? null)
    close()
  }
  return (
    <Dialog
      title={rule ? t('rules.edit', { name: rule.name || rule.id }) : t('rules.add')}
      close={close}
      side
    >
      <form className="form" onSubmit={submit}>
        <Head draft={draft} id={id} taken={taken} change={change} />
        <h3>{t('rules.match')}</h3>
        <MatchFields
          match={draft.match}
          change={(part: Partial<Match>) => change({ match: { ...draft.match, ...part } })}
          groups={groups}
          refuse={setUnreadable}
        />
        <details className="advanced" open={Object.keys(rule?.scope ?? {}).length > 0 || undefined}>
          <summary>{t('rules.scope')}</summary>
          <div className="form">
            <ScopeFields
              scope={draft.scope ?? {}}
              change={(part) => change({ scope: { ...draft.scope, ...part } })}
            />
          </div>
        </details>
        <Reason draft={draft} change={change} />
        <Toggle
          label={t('rules.dry_run')}
          hint={t('rules.dry_run.hint')}
          on={draft.mode === 'dry_run'}
          turn={(on) => change({ mode: on ? 'dry_run' : 'enforce' })}
        />
        <Toggle
          label={t('rules.enabled')}
          on={draft.enabled ?? true}
          turn={(on) => change({ enabled: on })}
        />
        {empty && <p className="soft">{t('rules.match.empty')}</p>}
        <TakeOver remove={rule ? () => remove(rule) : undefined} close={close} wrong={wrong} />
      </form>
      <TryBox set={tried} />
    </Dialog>
  )
}

const inRange = (priority: number) => Number.isInteger(priority) && priority >= 1 && priority <= LAST_PRIORITY

function Head({
  draft,
  id,
  taken,
  change,
}: {
  draft: Rule
  id: string
  taken: ReadonlySet<string>
  change: (part: Partial<Rule>) => void
}) {
  const { t } = useTranslation()
  const actions = Object.fromEntries(ACTIONS.map((one) => [one, t(`rules.action.${one}`)]))
  const fault: string | null = idFault(id) ? t('rules.id.wrong') : taken.has(id) ? t('rules.id.taken') : null
  return (
    <>
      <Field
        label={t('rules.name')}
        autoComplete="off"
        data-first
        value={draft.name ?? ''}
        onChange={(event) => change({ name: event.target.value })}
      />
      <Field
        label={t('rules.id')}
        placeholder={id}
        error={fault}
        autoCapitalize="none"
        autoComplete="off"
        spellCheck={false}
        value={draft.id}
        onChange={(event) => change({ id: event.target.value })}
      />
      <div className="pair">
        <Choice
          label={t('rules.action')}
          options={actions as Record<Action, string>}
          value={draft.action}
          choose={(action) => change({ action })}
          hint={t(`rules.action.${draft.action}.hint`)}
        />
        <Field
          label={t('rules.priority')}
          hint={t('rules.priority.hint')}
          type="number"
          min={1}
          max={LAST_PRIORITY}
          value={draft.priority || ''}
          onChange={(event) => change({ priority: Number(event.target.value) })}
        />
      </div>
    </>
  )
}

function Reason({ draft, change }: { draft: Rule; change: (part: Partial<Rule>) => void }) {
  const { t } = useTranslation()
  return (
    <>
      {(['en', 'zh'] as const).map((language) => (
        <Field
          key={language}
          label={t(`rules.reason.${language}`)}
          hint={language === 'zh' ? t('rules.reason.hint') : undefined}
          lang={language}
          autoComplete="off"
          value={draft.reason?.[language] ?? ''}
          onChange={(event) => change({ reason: { ...draft.reason, [language]: event.target.value } })}
        />
      ))}
    </>
  )
}
