package main

import (
	"encoding/binary"
	"fmt"
	"slices"
	"strings"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"go.etcd.io/raft/v3/tracker"
)

// answer is the line of a command: what came of it, and the node's state after it.
func (n *node) answer(name, result string) string {
	return name + " " + result + " | " + describeStatus(n.raw)
}

var roles = map[raft.StateType]string{
	raft.StateFollower:     "follower",
	raft.StatePreCandidate: "preCandidate",
	raft.StateCandidate:    "candidate",
	raft.StateLeader:       "leader",
}

func describeStatus(raw *raft.RawNode) string {
	s := raw.Status()
	text := fmt.Sprintf("%d %s t%d v%d l%d c%d a%d x%d r%d %s", s.ID, roles[s.RaftState], s.GetTerm(),
		s.GetVote(), s.Lead, s.GetCommit(), s.Applied, s.LeadTransferee, bit(raw.HasReady()),
		describeConfState(confStateOf(s.Config)))
	ids := make([]uint64, 0, len(s.Progress))
	for id := range s.Progress {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	for _, id := range ids {
		p := s.Progress[id]
		text += " " + describeProgress(id, &p)
	}
	return text
}

func confStateOf(c tracker.Config) *pb.ConfState {
	return &pb.ConfState{
		Voters:         sorted(c.Voters[0]),
		VotersOutgoing: sorted(c.Voters[1]),
		Learners:       sorted(c.Learners),
		LearnersNext:   sorted(c.LearnersNext),
		AutoLeave:      new(c.AutoLeave),
	}
}

func sorted[M ~map[uint64]struct{}](set M) []uint64 {
	ids := make([]uint64, 0, len(set))
	for id := range set {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	return ids
}

var progressStates = map[tracker.StateType]string{
	tracker.StateProbe:     "probe",
	tracker.StateReplicate: "replicate",
	tracker.StateSnapshot:  "snapshot",
}

func describeProgress(id uint64, p *tracker.Progress) string {
	return fmt.Sprintf("%d:%s,%d,%d,%d,%d,%d,%d,%d,%d", id, progressStates[p.State], p.Match, p.Next,
		bit(p.IsLearner), bit(p.RecentActive), bit(p.IsPaused()), p.PendingSnapshot,
		p.Inflights.Count(), bit(p.Inflights.Full()))
}

func bit(value bool) int {
	if value {
		return 1
	}
	return 0
}

func describeReady(rd *raft.Ready) string {
	var b strings.Builder
	fmt.Fprintf(&b, "sync%d", bit(rd.MustSync))
	if rd.SoftState != nil {
		fmt.Fprintf(&b, " soft=%d/%s", rd.SoftState.Lead, roles[rd.SoftState.RaftState])
	}
	if !raft.IsEmptyHardState(rd.HardState) {
		fmt.Fprintf(&b, " hard=%d/%d/%d", rd.GetTerm(), rd.GetVote(), rd.GetCommit())
	}
	for _, read := range rd.ReadStates {
		fmt.Fprintf(&b, " read=%s@%d", read.RequestCtx, read.Index)
	}
	describeEntries(&b, " entries", rd.Entries)
	if !raft.IsEmptySnap(rd.Snapshot) {
		b.WriteString(" snapshot=" + describeSnapshot(rd.Snapshot))
	}
	describeEntries(&b, " committed", rd.CommittedEntries)
	for _, m := range rd.Messages {
		b.WriteString(" {" + describeMessage(m) + "}")
	}
	return b.String()
}

func describeMessage(m *pb.Message) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s %s>%s t%d l%d/%d c%d", m.GetType(), describeTarget(m.GetFrom()),
		describeTarget(m.GetTo()), m.GetTerm(), m.GetLogTerm(), m.GetIndex(), m.GetCommit())
	if m.GetVote() != 0 {
		fmt.Fprintf(&b, " v%d", m.GetVote())
	}
	if m.GetReject() {
		fmt.Fprintf(&b, " reject%d", m.GetRejectHint())
	}
	switch m.GetType() {
	case pb.MsgReadIndex, pb.MsgReadIndexResp:
		fmt.Fprintf(&b, " context=%s", m.GetEntries()[0].GetData())
	default:
		describeContext(&b, m.GetContext())
		describeEntries(&b, " entries", m.GetEntries())
	}
	if !raft.IsEmptySnap(m.GetSnapshot()) {
		b.WriteString(" snapshot=" + describeSnapshot(m.GetSnapshot()))
	}
	for _, response := range m.GetResponses() {
		b.WriteString(" <" + describeMessage(response) + ">")
	}
	return b.String()
}

// describeContext: heartbeats carry the number of a read, vote requests why they are made.
func describeContext(b *strings.Builder, context []byte) {
	switch {
	case len(context) == 0:
	case string(context) == "CampaignTransfer":
		b.WriteString(" context=transfer")
	default:
		fmt.Fprintf(b, " context=%d", binary.LittleEndian.Uint64(context))
	}
}

func describeTarget(id uint64) string {
	switch id {
	case raft.LocalAppendThread:
		return "append"
	case raft.LocalApplyThread:
		return "apply"
	}
	return fmt.Sprint(id)
}

func describeEntries(b *strings.Builder, name string, entries []*pb.Entry) {
	if len(entries) == 0 {
		return
	}
	b.WriteString(name + "=")
	for i, entry := range entries {
		if i > 0 {
			b.WriteByte(';')
		}
		fmt.Fprintf(b, "%d.%d", entry.GetIndex(), entry.GetTerm())
		switch {
		case entry.GetType() == pb.EntryConfChange:
			b.WriteString(" v1 " + describeConfChange(decodeConfChange(entry)))
		case entry.GetType() == pb.EntryConfChangeV2:
			b.WriteString(" v2 " + describeConfChange(decodeConfChange(entry)))
		case len(entry.GetData()) > 0:
			fmt.Fprintf(b, " %s(%d)", strings.TrimRight(string(entry.GetData()), "."), len(entry.GetData()))
		}
	}
}

var transitionNames = map[pb.ConfChangeTransition]string{
	pb.ConfChangeTransitionAuto:          "auto",
	pb.ConfChangeTransitionJointImplicit: "jointImplicit",
	pb.ConfChangeTransitionJointExplicit: "jointExplicit",
}

func describeConfChange(cc *pb.ConfChangeV2) string {
	steps := pb.ConfChangesToString(cc.GetChanges())
	return transitionNames[cc.GetTransition()] + "(" + steps + ")"
}

func describeSnapshot(s *pb.Snapshot) string {
	meta := s.GetMetadata()
	return fmt.Sprintf("%d.%d(%s)%s", meta.GetIndex(), meta.GetTerm(), s.GetData(),
		describeConfState(meta.GetConfState()))
}

func describeConfState(c *pb.ConfState) string {
	text := "[" + join(c.GetVoters()) + "&" + join(c.GetVotersOutgoing()) + "|" +
		join(c.GetLearners()) + ">" + join(c.GetLearnersNext()) + "]"
	if c.GetAutoLeave() {
		text += "auto"
	}
	return text
}

func join(ids []uint64) string {
	ids = slices.Sorted(slices.Values(ids))
	words := make([]string, len(ids))
	for i, id := range ids {
		words[i] = fmt.Sprint(id)
	}
	return strings.Join(words, ",")
}
