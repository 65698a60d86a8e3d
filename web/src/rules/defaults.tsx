import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  ACTIONS,
  type Action,
  type Control,
  GATES,
  type Gate,
  type RuleSet,
  type Scope,
  type ScopedDefault,
  type ScopedGate,
} from '../api/rules.ts'
import { Dialog } from '../parts/dialog.tsx'
import { Choice, Field } from '../parts/field.tsx'
import { readNames } from './patterns.ts'
import { ScopeFields } from './scope-fields.tsx'
import { scopeWords, tidy } from './set.ts'
import { rulesStore, useRules } from './store.ts'
import { TakeOver } from './take-over.tsx'
import { TryBox } from './try.tsx'
import { ActionDot } from './words.tsx'

function useWords() {
  const { t } = useTranslation()
  return {
    actions: Object.fromEntries(ACTIONS.map((one) => [one, t(`rules.action.${one}`)])) as Record<
      Action,
      string
    >,
    gates: Object.fromEntries(GATES.map((one) => [one, t(`rules.gate.${one}`)])) as Record<Gate, string>,
  }
}

/** What holds where no rule does, and which shells are judged at all: for everybody, and by scope. */
export function DefaultsBox({ set, may }: { set: RuleSet; may: boolean }) {
  const { t } = useTranslation()
  const { actions, gates } = useWords()
  const { current, control } = useRules()
  const { action = 'allow', unknown = 'alert' } = set.default ?? {}
  const shells = control ?? current?.control
  const put = (part: RuleSet['default']) =>
    rulesStore.change((before) => ({ ...before, default: { action, unknown, ...part } }))
  return (
    <>
      <section aria-labelledby="rules-defaults" className="part">
        <h2 id="rules-defaults">{t('rules.defaults')}</h2>
        <div className="pair">
          <Choice
            label={t('rules.defaults.action')}
            options={actions}
            value={action}
            choose={(one) => put({ action: one })}
            disabled={!may}
          />
          <Choice
            label={t('rules.defaults.unknown')}
            hint={t('rules.defaults.unknown.hint')}
            options={actions}
            value={unknown}
            choose={(one) => put({ unknown: one })}
            disabled={!may}
          />
        </div>
        <ScopedDefaults set={set} may={may} />
      </section>
      {shells && (
        <section aria-labelledby="rules-gate" className="part">
          <h2 id="rules-gate">{t('rules.gate')}</h2>
          <div className="pair">
            <Choice
              label={t('rules.gate.everybody')}
              hint={t('rules.gate.hint')}
              options={gates}
              value={shells.gate}
              choose={(gate) => rulesStore.changeControl({ ...shells, gate })}
              disabled={!may}
            />
            <Layers
              key={current?.version}
              layers={shells.layers}
              change={(layers) => rulesStore.changeControl(tidyControl({ ...shells, layers }))}
              disabled={!may}
            />
          </div>
          <ScopedGates shells={shells} may={may} />
        </section>
      )}
    </>
  )
}

/** As it is stored: without lists that say nothing. */
function tidyControl({ gate, layers = [], scopes = [] }: Control): Control {
  return {
    gate,
    ...(layers.length > 0 && { layers }),
    ...(scopes.length > 0 && { scopes }),
  }
}

function Layers({
  layers,
  change,
  disabled,
}: {
  layers: readonly string[] | undefined
  change: (layers: string[]) => void
  disabled?: boolean
}) {
  const { t } = useTranslation()
  return (
    <Field
      label={t('rules.gate.layers')}
      hint={t('rules.gate.layers.hint')}
      className="input code"
      placeholder="seccomp, landlock"
      autoCapitalize="none"
      autoComplete="off"
      spellCheck={false}
      disabled={disabled}
      defaultValue={(layers ?? []).join(', ')}
      onChange={(event) => change(readNames(event.target.value))}
    />
  )
}

/** Parts of a list of which the first whose scope fits holds. */
function Ordered<T extends { scope: Scope }>({
  label,
  list,
  may,
  add,
  show,
  edit,
  change,
}: {
  label: string
  list: readonly T[]
  may: boolean
  add: string
  show: (one: T) => React.ReactNode
  /** Null: a new one. */
  edit: (at: number | null) => void
  change: (list: T[]) => void
}) {
  const { t } = useTranslation()
  const earlier = (at: number) => {
    const [one, before] = [list[at], list[at - 1]]
    if (one && before) change(list.with(at - 1, one).with(at, before))
  }
  return (
    <>
      {list.length > 0 && (
        <ol className="cards scoped" aria-label={label}>
          {list.map((one, at) => {
            const words = scopeWords(one.scope) || t('rules.scope.every')
            return (
              // biome-ignore lint/suspicious/noArrayIndexKey: it has no name; its place is what it is
              <li key={at}>
                <div>
                  <strong>{words}</strong>
                  <p className="soft">{show(one)}</p>
                </div>
                {may && (
                  <>
                    <button
                      type="button"
                      className="quiet"
                      disabled={at === 0}
                      aria-label={t('rules.scoped.earlier.what', { name: words })}
                      onClick={() => earlier(at)}
                    >
                      {t('rules.scoped.earlier')}
                    </button>
                    <button
                      type="button"
                      className="quiet"
                      aria-label={t('rules.edit', { name: words })}
                      onClick={() => edit(at)}
                    >
                      {t('rules.scoped.edit')}
                    </button>
                  </>
                )}
              </li>
            )
          })}
        </ol>
      )}
      {may && (
        <button type="button" className="quiet" onClick={() => edit(null)}>
          {add}
        </button>
      )}
    </>
  )
}

/** With the one at `at` put in the place of what is there; at the end where that is null. */
const placed = <T,>(list: readonly T[], one: T, at: number | null): T[] =>
  at === null ? [...list, one] : list.with(at, one)

function ScopedDefaults({ set, may }: { set: RuleSet; may: boolean }) {
  const { t } = useTranslation()
  const [over, setOver] = useState<{ at: number | null } | null>(null)
  const list = set.defaults ?? []
  const change = (defaults: ScopedDefault[]) => rulesStore.change((before) => ({ ...before, defaults }))
  return (
    <>
      <Ordered
        label={t('rules.defaults.scoped')}
        list={list}
        may={may}
        add={t('rules.defaults.add')}
        edit={(at) => setOver({ at })}
        change={change}
        show={(one) => (
          <>
            <ActionDot action={one.action} /> {t('rules.defaults.unknown.short')}{' '}
            <ActionDot action={one.unknown} />
          </>
        )}
      />
      {over && (
        <DefaultForm
          one={over.at === null ? null : (list[over.at] ?? null)}
          tried={(one) => ({ ...set, defaults: placed(list, one, over.at) })}
          put={(one) => change(placed(list, one, over.at))}
          remove={() => change(list.filter((_, index) => index !== over.at))}
          close={() => setOver(null)}
        />
      )}
    </>
  )
}

function DefaultForm({
  one,
  tried,
  put,
  remove,
  close,
}: {
  one: ScopedDefault | null
  tried: (one: ScopedDefault) => RuleSet
  put: (one: ScopedDefault) => void
  remove: () => void
  close: () => void
}) {
  const { t } = useTranslation()
  const { actions } = useWords()
  const [scope, setScope] = useState<Scope>(one?.scope ?? {})
  const [action, setAction] = useState<Action>(one?.action ?? 'deny')
  const [unknown, setUnknown] = useState<Action>(one?.unknown ?? 'deny')
  const made = { scope: tidy(scope), action, unknown }
  const key = JSON.stringify(made)
  // The same set as long as the form says the same: the try asks again with another one.
  const [kept, setKept] = useState({ key, set: tried(made) })
  if (kept.key !== key) setKept({ key, set: tried(made) })
  return (
    <Dialog title={t(one ? 'rules.defaults.edit' : 'rules.defaults.add')} close={close} side>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          put(made)
          close()
        }}
      >
        <p className="soft">{t('rules.scoped.hint')}</p>
        <ScopeFields scope={scope} change={(part) => setScope((before) => ({ ...before, ...part }))} />
        <div className="pair">
          <Choice label={t('rules.defaults.action')} options={actions} value={action} choose={setAction} />
          <Choice label={t('rules.defaults.unknown')} options={actions} value={unknown} choose={setUnknown} />
        </div>
        <TakeOver remove={one ? remove : undefined} close={close} />
      </form>
      <TryBox set={kept.set} />
    </Dialog>
  )
}

function ScopedGates({ shells, may }: { shells: Control; may: boolean }) {
  const { t } = useTranslation()
  const { gates } = useWords()
  const [over, setOver] = useState<{ at: number | null } | null>(null)
  const list = shells.scopes ?? []
  const change = (scopes: ScopedGate[]) => rulesStore.changeControl(tidyControl({ ...shells, scopes }))
  return (
    <>
      <Ordered
        label={t('rules.gate.scoped')}
        list={list}
        may={may}
        add={t('rules.gate.add')}
        edit={(at) => setOver({ at })}
        change={change}
        show={(one) => [gates[one.gate], ...(one.layers ?? [])].join(', ')}
      />
      {over && (
        <GateForm
          one={over.at === null ? null : (list[over.at] ?? null)}
          put={(one) => change(placed(list, one, over.at))}
          remove={() => change(list.filter((_, index) => index !== over.at))}
          close={() => setOver(null)}
        />
      )}
    </>
  )
}

function GateForm({
  one,
  put,
  remove,
  close,
}: {
  one: ScopedGate | null
  put: (one: ScopedGate) => void
  remove: () => void
  close: () => void
}) {
  const { t } = useTranslation()
  const { gates } = useWords()
  const [scope, setScope] = useState<Scope>(one?.scope ?? {})
  const [gate, setGate] = useState<Gate>(one?.gate ?? 'closed')
  const [layers, setLayers] = useState<string[]>(one?.layers ?? [])
  return (
    <Dialog title={t(one ? 'rules.gate.edit' : 'rules.gate.add')} close={close} side>
      <form
        className="form"
        onSubmit={(event) => {
          event.preventDefault()
          put({ scope: tidy(scope), gate, ...(layers.length > 0 && { layers }) })
          close()
        }}
      >
        <p className="soft">{t('rules.scoped.hint')}</p>
        <ScopeFields scope={scope} change={(part) => setScope((before) => ({ ...before, ...part }))} always />
        <div className="pair">
          <Choice label={t('rules.gate.choice')} options={gates} value={gate} choose={setGate} />
          <Layers layers={layers} change={setLayers} />
        </div>
        <TakeOver remove={one ? remove : undefined} close={close} />
      </form>
    </Dialog>
  )
}
