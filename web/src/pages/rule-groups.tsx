import '../styles/servers.css'
import '../styles/rules.css'
import { Button } from 'antd'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useRight } from '../api/me.ts'
import { type CommandGroup, MAY } from '../api/rules.ts'
import { ProblemNotice } from '../parts/notice.tsx'
import { GroupForm } from '../rules/group-form.tsx'
import { SaveBar } from '../rules/save-bar.tsx'
import { RulesSections } from '../rules/sections.tsx'
import { dropGroup, matchWords, putGroup } from '../rules/set.ts'
import { rulesStore, useRules } from '../rules/store.ts'
import { textIn } from '../rules/words.tsx'

/** Commands of a group that are shown before somebody opens it. */
const SHOWN = 4

export function RuleGroupsPage() {
  const { t } = useTranslation()
  const { current, draft, problem } = useRules()
  useEffect(() => void rulesStore.load(), [])
  const may = useRight(MAY.change)
  const [editing, setEditing] = useState<{ group: CommandGroup | null } | null>(null)
  const set = draft ?? current?.rules ?? null
  const own = set?.command_groups ?? []
  const ready = (current?.ready_groups ?? []).filter(({ id }) => !own.some((one) => one.id === id))
  return (
    <>
      <title>{`${t('rules.section.groups')} · Bastide`}</title>
      <header className="page-head">
        <h1>{t('rules.section.groups')}</h1>
        <RulesSections current="groups" />
        <span className="gap" />
        {may && set && (
          <Button type="primary" onClick={() => setEditing({ group: null })}>
            {t('rules.group.add')}
          </Button>
        )}
      </header>
      <p className="soft">{t('rules.group.lead')}</p>
      <ProblemNotice problem={problem} retry={() => void rulesStore.load()} />
      <SaveBar />
      <section className="part" aria-labelledby="groups-own">
        <h2 id="groups-own">{t('rules.group.own')}</h2>
        {set && own.length === 0 && <p className="soft">{t('rules.group.none')}</p>}
        <Groups groups={own} edit={may ? (group) => setEditing({ group }) : null} />
      </section>
      <section className="part" aria-labelledby="groups-ready">
        <h2 id="groups-ready">{t('rules.group.ready')}</h2>
        <Groups groups={ready} edit={null} />
      </section>
      {set && editing && (
        <GroupForm
          group={editing.group}
          taken={new Set(own.map(({ id }) => id))}
          put={(group, instead) => rulesStore.change((before) => putGroup(before, group, instead))}
          remove={({ id }) => rulesStore.change((before) => dropGroup(before, id))}
          close={() => setEditing(null)}
        />
      )}
    </>
  )
}

function Groups({
  groups,
  edit,
}: {
  groups: readonly CommandGroup[]
  edit: ((group: CommandGroup) => void) | null
}) {
  const { t } = useTranslation()
  return (
    <ul className="cards">
      {groups.map((group) => {
        const name = textIn(group.name)
        const words = group.commands.map(matchWords)
        return (
          <li key={group.id} data-group={group.id}>
            <div>
              <strong>{name || group.id}</strong> {name && <code className="soft">{group.id}</code>}
              <div className="soft group-words">
                {words.slice(0, SHOWN).map((one) => (
                  <code key={one}>{one}</code>
                ))}
                {words.length > SHOWN && (
                  <details>
                    <summary>{t('rules.group.more', { count: words.length - SHOWN })}</summary>
                    {words.slice(SHOWN).map((one) => (
                      <code key={one}>{one}</code>
                    ))}
                  </details>
                )}
              </div>
            </div>
            {edit && (
              <button
                type="button"
                className="quiet"
                aria-label={t('servers.edit.title', { name: name || group.id })}
                onClick={() => edit(group)}
              >
                {t('servers.edit')}
              </button>
            )}
          </li>
        )
      })}
    </ul>
  )
}
