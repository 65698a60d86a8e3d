import { useCallback, useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  type Control,
  DOORS,
  type Door,
  type Fact,
  GATES,
  type RuleSet,
  type Subject,
  type Tried,
  tryLine,
  type Word,
} from '../api/rules.ts'
import { Choice, Field } from '../parts/field.tsx'
import { useLoad } from '../parts/use-load.ts'
import { useLater } from '../parts/use-pages.ts'
import { readNames } from './patterns.ts'
import { scopeWords } from './set.ts'
import { useRules } from './store.ts'
import { ActionDot, FaultsNotice, shown, textIn } from './words.tsx'

/** Typing asks once it pauses. */
const PAUSE = 200

/** What would happen to a command line, while it is typed. With `set` by that one, else by what holds. */
export function TryBox({ set, open }: { set?: RuleSet | undefined; open?: (rule: string) => void }) {
  const { t } = useTranslation()
  const [line, setLine] = useState('')
  const [subject, setSubject] = useState<Subject>({ door: 'line' })
  const asked = useLater(line, PAUSE)
  const { current, control } = useRules()
  const load = useCallback(
    async () =>
      asked.trim() ? tryLine(asked, subject, { rules: set, control: control ?? undefined }) : null,
    [asked, subject, set, control],
  )
  const { data, problem } = useLoad(load)
  const change = (part: Partial<Subject>) => setSubject((before) => ({ ...before, ...part }))
  return (
    <section className="try" aria-label={t('rules.try')}>
      <h2>{t('rules.try')}</h2>
      <Field
        label={t('rules.try.line')}
        className="input code"
        placeholder="sudo rm -rf /srv/data"
        autoCapitalize="none"
        autoComplete="off"
        spellCheck={false}
        value={line}
        onChange={(event) => setLine(event.target.value)}
      />
      <details className="advanced">
        <summary>{t('rules.try.who')}</summary>
        <Who subject={subject} change={change} />
      </details>
      <div className="try-result" aria-live="polite">
        {problem && <FaultsNotice problem={problem} />}
        {!problem && data && asked.trim() && (
          <>
            <Outcome tried={data} set={set ?? current?.rules} open={open} />
            <Gated tried={data} control={control ?? current?.control} />
          </>
        )}
        {!asked.trim() && <p className="soft">{t('rules.try.lead')}</p>}
      </div>
    </section>
  )
}

function Who({ subject, change }: { subject: Subject; change: (part: Partial<Subject>) => void }) {
  const { t } = useTranslation()
  const doors = Object.fromEntries(DOORS.map((door) => [door, t(`rules.door.${door}`)])) as Record<
    Door,
    string
  >
  const text = (key: 'user' | 'account', label: string) => (
    <Field
      label={label}
      autoCapitalize="none"
      autoComplete="off"
      spellCheck={false}
      value={subject[key] ?? ''}
      onChange={(event) => change({ [key]: event.target.value.trim() })}
    />
  )
  const names = (key: 'groups' | 'tags', label: string) => (
    <Field
      label={label}
      autoCapitalize="none"
      autoComplete="off"
      spellCheck={false}
      onChange={(event) => change({ [key]: readNames(event.target.value) })}
    />
  )
  return (
    <div className="form">
      <Choice
        label={t('rules.scope.doors')}
        options={doors}
        value={subject.door}
        choose={(door) => change({ door })}
      />
      <div className="pair">
        {text('user', t('rules.scope.user'))}
        {names('groups', t('rules.scope.groups'))}
      </div>
      <div className="pair">
        <Field
          label={t('rules.scope.server')}
          autoCapitalize="none"
          autoComplete="off"
          spellCheck={false}
          value={subject.server ?? ''}
          onChange={(event) => change({ server: event.target.value.trim() || null })}
        />
        {names('tags', t('rules.scope.tags'))}
      </div>
      {text('account', t('rules.scope.account'))}
    </div>
  )
}

/** Whose default decides where no rule does. */
function useWhose(tried: Tried, set: RuleSet | undefined): string {
  const { t } = useTranslation()
  const scoped = set?.defaults?.[tried.scoped_default ?? -1]
  return scoped
    ? t('rules.try.default.of', { scope: scopeWords(scoped.scope) || t('rules.scope.every') })
    : t('rules.try.default')
}

/** How a shell of this machine would be judged. */
function Gated({ tried, control }: { tried: Tried; control: Control | undefined }) {
  const { t } = useTranslation()
  const { gate } = tried
  if (!gate || !GATES.includes(gate.gate)) return null
  const scoped = control?.scopes?.[gate.scope ?? -1]
  const whose = scoped ? scopeWords(scoped.scope) || t('rules.scope.every') : t('rules.gate.everybody')
  return (
    <p className="soft">
      {t('rules.gate')}: {[t(`rules.gate.${gate.gate}`), ...gate.layers].join(', ')} ({whose})
    </p>
  )
}

function Outcome({
  tried,
  set,
  open,
}: {
  tried: Tried
  set: RuleSet | undefined
  open: ((rule: string) => void) | undefined
}) {
  const { t } = useTranslation()
  const { verdict, facts } = tried
  const reason = textIn(verdict.reason)
  const byDefault = useWhose(tried, set)
  return (
    <>
      <p className="try-verdict" data-action={verdict.action}>
        <strong>
          <ActionDot action={verdict.action} />
        </strong>{' '}
        {verdict.rule ? (
          <>
            {t('rules.try.by')} <RuleName id={verdict.rule} open={open} />
          </>
        ) : (
          <span className="soft">{byDefault}</span>
        )}
      </p>
      {reason && <blockquote>{reason}</blockquote>}
      {verdict.dry_run?.map(({ rule, action }) => (
        <p key={`${rule} ${action}`} className="soft">
          {t('rules.try.would')} <ActionDot action={action} />{' '}
          {rule ? <RuleName id={rule} open={open} /> : byDefault}
        </p>
      ))}
      <ol className="facts-found" aria-label={t('rules.try.facts')}>
        {facts.map((fact, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: a command may be there twice; the list comes anew with each answer
          <li key={at} data-decided={verdict.fact === at || undefined}>
            <FactLine fact={fact} />
            <Judgement tried={tried} at={at} open={open} />
          </li>
        ))}
      </ol>
    </>
  )
}

function Judgement({
  tried,
  at,
  open,
}: {
  tried: Tried
  at: number
  open: ((rule: string) => void) | undefined
}) {
  const { t } = useTranslation()
  const judged = tried.verdict.facts?.[at]
  if (!judged) return null
  return (
    <p className="fact-verdict">
      <ActionDot action={judged.action} />
      {judged.rule && <RuleName id={judged.rule} open={open} />}
      {judged.perhaps && (
        <span className="soft">
          {t('rules.try.perhaps')} <RuleName id={judged.perhaps} open={open} />
        </span>
      )}
      {tried.verdict.fact === at && tried.facts.length > 1 && (
        <span className="badge">{t('rules.try.decided')}</span>
      )}
    </p>
  )
}

function RuleName({ id, open }: { id: string; open: ((rule: string) => void) | undefined }) {
  if (!open) return <code>{id}</code>
  return (
    <button type="button" className="quiet" onClick={() => open(id)}>
      <code>{id}</code>
    </button>
  )
}

const UNKNOWN = [
  ...['variable', 'substitution', 'glob', 'evaluated', 'input', 'script'],
  ...['elsewhere', 'history', 'too_long', 'too_deep', 'unreadable'],
]

function FactLine({ fact }: { fact: Fact }) {
  const { t } = useTranslation()
  const { via = [], program, arguments: rest = [], assignments = [], redirects = [], unknown } = fact
  return (
    <div>
      {via.length > 0 && <span className="soft">{via.join(' → ')} → </span>}
      <code className="argv">
        {assignments.map(([name, value]) => (
          <span key={name} className="soft">
            {name}={wordText(value)}
          </span>
        ))}
        <b className={isUnknown(program) ? 'unknown' : undefined}>{wordText(program)}</b>
        {rest.map((word, at) => (
          // biome-ignore lint/suspicious/noArrayIndexKey: an argument may be there twice
          <span key={at} className={isUnknown(word) ? 'unknown' : undefined}>
            {wordText(word)}
          </span>
        ))}
        {redirects.map(({ writes, target }) => (
          <span key={`${writes} ${wordText(target)}`} className={isUnknown(target) ? 'unknown' : undefined}>
            {writes ? '>' : '<'} {wordText(target)}
          </span>
        ))}
      </code>
      {unknown && (
        <p className="soft">
          {t('rules.unknown')}:{' '}
          {UNKNOWN.includes(unknown) ? t(`rules.unknown.${unknown}` as 'rules.unknown.glob') : unknown}
        </p>
      )}
      {fact.non_ascii && <p className="soft">{t('rules.try.lookalike')}</p>}
    </div>
  )
}

const isUnknown = (word: Word) => typeof word !== 'string'
const wordText = (word: Word) => (typeof word === 'string' ? shown(word) : word.unknown)
