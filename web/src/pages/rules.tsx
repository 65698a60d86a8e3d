import '../styles/servers.css'
import '../styles/rules.css'
import { Button } from 'antd'
import { useEffect, useMemo, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useRight } from '../api/me.ts'
import { MAY, type Rule } from '../api/rules.ts'
import { Command } from '../parts/command.tsx'
import { Notice, ProblemNotice } from '../parts/notice.tsx'
import { type Column, ColumnChoice, shownColumns, Table } from '../parts/table.tsx'
import { useQuery } from '../router.ts'
import { DefaultsBox } from '../rules/defaults.tsx'
import { ImportRules } from '../rules/import.tsx'
import { RuleForm } from '../rules/rule-form.tsx'
import { SaveBar } from '../rules/save-bar.tsx'
import { RulesSections } from '../rules/sections.tsx'
import { dropRules, inOrder, matchWords, putRule, scopeWords } from '../rules/set.ts'
import { rulesStore, useRules } from '../rules/store.ts'
import { TryBox } from '../rules/try.tsx'
import { ActionDot } from '../rules/words.tsx'

type Over = { what: 'rule'; rule: Rule | null } | { what: 'import' } | null

export function RulesPage() {
  const { t } = useTranslation()
  const { current, draft, problem } = useRules()
  useEffect(() => void rulesStore.load(), [])
  const may = useRight(MAY.change)
  const mayTry = useRight(MAY.try)
  const [over, setOver] = useState<Over>(null)
  const set = draft ?? current?.rules ?? null
  const rules = useMemo(() => inOrder(set?.rules), [set])
  const groups = useMemo(
    () => [...(set?.command_groups ?? []), ...(current?.ready_groups ?? [])],
    [set, current],
  )
  const open = (id: string) => {
    const rule = rules.find((one) => one.id === id)
    if (rule && may) setOver({ what: 'rule', rule })
  }
  const close = () => setOver(null)
  return (
    <>
      <title>{`${t('nav.rules')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('nav.rules')}</h1>
        <RulesSections current="rules" />
        <span className="gap" />
        {may && set && (
          <>
            <Button onClick={() => setOver({ what: 'import' })}>{t('servers.import')}</Button>
            <Button type="primary" onClick={() => setOver({ what: 'rule', rule: null })}>
              {t('rules.add')}
            </Button>
          </>
        )}
      </header>
      <ProblemNotice problem={problem} retry={() => void rulesStore.load()} />
      {current?.unreadable && (
        <Notice tone="bad">{t('rules.unreadable', { why: current.unreadable })}</Notice>
      )}
      {!set && !problem && <p className="loading soft">{t('frame.loading')}</p>}
      {set && (
        <div className="rules-page">
          <div>
            <SaveBar />
            {rules.length === 0 ? <Empty /> : <List rules={rules} open={open} may={may} />}
            <DefaultsBox set={set} may={may} />
          </div>
          {mayTry && <TryBox set={draft ?? undefined} open={open} />}
        </div>
      )}
      {set && over?.what === 'rule' && (
        <RuleForm
          rule={over.rule}
          set={set}
          groups={groups}
          put={(rule, instead) => rulesStore.change((before) => putRule(before, rule, instead))}
          remove={({ id }) => rulesStore.change((before) => dropRules(before, new Set([id])))}
          close={close}
        />
      )}
      {over?.what === 'import' && <ImportRules done={() => void rulesStore.load()} close={close} />}
    </>
  )
}

function Empty() {
  const { t } = useTranslation()
  return (
    <section className="empty">
      <h2>{t('rules.empty')}</h2>
      <p>{t('rules.empty.lead')}</p>
      <p className="soft">{t('servers.empty.cli')}</p>
      <Command text="bastide rules import FILE" />
    </section>
  )
}

function fits(rule: Rule, q: string): boolean {
  const text = [rule.id, rule.name, rule.action, matchWords(rule.match), scopeWords(rule.scope)].join('\n')
  return text.toLowerCase().includes(q.toLowerCase().trim())
}

function List({ rules, open, may }: { rules: readonly Rule[]; open: (id: string) => void; may: boolean }) {
  const { t } = useTranslation()
  const [query, change] = useQuery()
  const q = query.get('q') ?? ''
  const hidden = query.get('hide') ?? ''
  const columns = useColumns(open, may)
  const shown = useMemo(() => shownColumns(columns, hidden), [columns, hidden])
  const rows = useMemo(() => rules.filter((rule) => fits(rule, q)), [rules, q])
  return (
    <>
      <div className="tools">
        <input
          type="search"
          className="input search"
          placeholder={t('rules.filter')}
          aria-label={t('rules.filter')}
          value={q}
          onChange={(event) => change({ q: event.target.value })}
        />
        <span className="gap" />
        <span className="soft">{t('rules.count', { count: rows.length })}</span>
        <ColumnChoice columns={columns} hidden={hidden} hide={(hide) => change({ hide })} />
      </div>
      {rows.length > 0 ? (
        <Table
          label={t('nav.rules')}
          columns={shown}
          rows={rows}
          rowKey={(rule) => rule.id}
          rowData={(rule) => ({ 'data-rule': rule.id, ...(rule.enabled === false && { 'data-off': '' }) })}
        />
      ) : (
        <p className="no-rows soft">{t('table.nothing', { q })}</p>
      )}
    </>
  )
}

function useColumns(open: (id: string) => void, may: boolean): Column<Rule>[] {
  const { t } = useTranslation()
  return useMemo(
    () => [
      {
        key: 'priority',
        title: t('rules.priority.short'),
        track: '48px',
        cell: (rule) => <span className="number soft">{rule.priority}</span>,
      },
      {
        key: 'name',
        title: t('rules.rule'),
        track: 'minmax(140px, 1.6fr)',
        always: true,
        cell: (rule) => (
          <>
            {may ? (
              <a
                href={`#${rule.id}`}
                onClick={(event) => {
                  event.preventDefault()
                  open(rule.id)
                }}
              >
                {rule.name || rule.id}
              </a>
            ) : (
              <strong>{rule.name || rule.id}</strong>
            )}
            {rule.name && (
              <span className="soft title">
                <code>{rule.id}</code>
              </span>
            )}
          </>
        ),
      },
      {
        key: 'action',
        title: t('rules.action'),
        track: '150px',
        cell: (rule) => (
          <>
            <ActionDot action={rule.action} />
            {rule.mode === 'dry_run' && <span className="badge">{t('rules.dry_run.short')}</span>}
            {rule.enabled === false && <span className="badge">{t('rules.off')}</span>}
          </>
        ),
      },
      {
        key: 'match',
        title: t('rules.match.short'),
        track: 'minmax(140px, 2fr)',
        cell: (rule) => <code title={matchWords(rule.match)}>{matchWords(rule.match)}</code>,
      },
      {
        key: 'scope',
        title: t('rules.scope.short'),
        track: 'minmax(90px, 1fr)',
        cell: (rule) => scopeWords(rule.scope) || <span className="soft">{t('rules.scope.every')}</span>,
      },
      {
        key: 'actions',
        title: t('home.column.actions'),
        track: '84px',
        always: true,
        cell: (rule) =>
          may && (
            <button
              type="button"
              className="quiet"
              aria-label={t(rule.enabled === false ? 'rules.on.what' : 'rules.off.what', {
                name: rule.name || rule.id,
              })}
              onClick={() =>
                rulesStore.change((before) =>
                  putRule(before, { ...rule, enabled: rule.enabled === false }, rule.id),
                )
              }
            >
              {t(rule.enabled === false ? 'rules.turn.on' : 'rules.turn.off')}
            </button>
          ),
      },
    ],
    [t, open, may],
  )
}
