package main

import (
	"strconv"

	"go.etcd.io/raft/v3"
	pb "go.etcd.io/raft/v3/raftpb"
	"google.golang.org/protobuf/proto"
)

// node is one member together with its owner: storage, state machine, and work not yet done.
type node struct {
	id       uint64
	group    *group
	raw      *raft.RawNode
	storage  *storage
	accepted *raft.Ready
	appends  []*pb.Message
	applies  []*pb.Message
}

// storage is a log in memory whose newest snapshot is the state as of the last applied entry.
type storage struct {
	*raft.MemoryStorage
	hardState       *pb.HardState
	state           *pb.Snapshot
	offersSnapshots bool
}

func (s *storage) InitialState() (*pb.HardState, *pb.ConfState, error) {
	return s.hardState, s.state.GetMetadata().GetConfState(), nil
}

func (s *storage) Snapshot() (*pb.Snapshot, error) {
	if !s.offersSnapshots || s.applied() == 0 {
		return nil, raft.ErrSnapshotTemporarilyUnavailable
	}
	return proto.Clone(s.state).(*pb.Snapshot), nil
}

func (s *storage) applied() uint64 { return s.state.GetMetadata().GetIndex() }

// describeMembers is the membership as of the last applied entry.
func (s *storage) describeMembers() string {
	return describeConfState(s.state.GetMetadata().GetConfState())
}

// applyTo makes the state of the state machine that as of an entry.
func (s *storage) applyTo(index, term uint64, members *pb.ConfState) {
	s.state = &pb.Snapshot{
		Data: []byte(strconv.FormatUint(index, 10)),
		Metadata: &pb.SnapshotMetadata{
			Index: new(index), Term: new(term), ConfState: proto.Clone(members).(*pb.ConfState),
		},
	}
}

func newNode(id uint64, g *group) *node {
	s := &storage{
		MemoryStorage: raft.NewMemoryStorage(), hardState: &pb.HardState{}, offersSnapshots: true,
	}
	s.applyTo(0, 0, pb.EnsureConfState(nil))
	return &node{id: id, group: g, storage: s}
}

// bootstrap makes the node a first member of the group, as of index base.
func (n *node) bootstrap(base uint64, members *pb.ConfState) {
	if base == 0 {
		n.storage.applyTo(0, 0, members)
		return
	}
	n.storage.applyTo(base, 1, members)
	must(n.storage.ApplySnapshot(n.storage.state))
	n.storage.hardState = &pb.HardState{Term: new(uint64(1)), Vote: new(uint64(0)), Commit: new(base)}
}

// start starts the node, or starts it anew with nothing but what is durable.
func (n *node) start() {
	n.accepted, n.appends, n.applies = nil, nil, nil
	n.raiseCommit()
	g := n.group
	config := &raft.Config{
		ID:                        n.id,
		ElectionTick:              int(number(g.settings["electionTick"])),
		HeartbeatTick:             int(number(g.settings["heartbeatTick"])),
		Storage:                   n.storage,
		Applied:                   n.storage.applied(),
		AsyncStorageWrites:        g.flag("async"),
		MaxSizePerMsg:             g.limit("maxSizePerMsg"),
		MaxCommittedSizePerReady:  g.limit("maxCommittedSizePerReady"),
		MaxUncommittedEntriesSize: g.limit("maxUncommittedEntriesSize"),
		MaxInflightMsgs:           int(number(g.settings["maxInflightMsgs"])),
		MaxInflightBytes:          g.limit("maxInflightBytes"),
		CheckQuorum:               g.flag("checkQuorum"),
		PreVote:                   g.flag("preVote"),
		DisableProposalForwarding: g.flag("disableProposalForwarding"),
		StepDownOnRemoval:         g.flag("stepDownOnRemoval"),
		Logger:                    quietLogger{},
	}
	if g.flag("leaseReads") {
		config.ReadOnlyOption = raft.ReadOnlyLeaseBased
	}
	raw, err := raft.NewRawNode(config)
	must(err)
	n.raw = raw
}

// raiseCommit is the owner's part of a start: what is applied is committed, even when the commit index
// was not written in time.
func (n *node) raiseCommit() {
	if applied := n.storage.applied(); n.storage.hardState.GetCommit() < applied {
		h := n.storage.hardState
		n.storage.hardState = &pb.HardState{
			Term: new(h.GetTerm()), Vote: new(h.GetVote()), Commit: new(applied),
		}
	}
}

// ready takes a Ready. Without asynchronous writes it is made durable at once and applied by advance.
func (n *node) ready() string {
	rd := n.raw.Ready()
	text := describeReady(&rd)
	for _, m := range rd.Messages {
		switch m.GetTo() {
		case raft.LocalAppendThread:
			n.appends = append(n.appends, m)
		case raft.LocalApplyThread:
			n.applies = append(n.applies, m)
		}
	}
	if !n.group.flag("async") {
		n.write(rd.HardState, rd.Entries, rd.Snapshot)
		n.accepted = &rd
	}
	n.group.post(rd.Messages)
	return text
}

func (n *node) advance() {
	n.apply(n.accepted.CommittedEntries)
	n.raw.Advance(*n.accepted)
	n.accepted = nil
}

// processAppend does the oldest append that waits, and delivers its responses.
func (n *node) processAppend() {
	m := n.appends[0]
	n.appends = n.appends[1:]
	var hardState *pb.HardState
	if m.GetTerm() != 0 || m.GetVote() != 0 || m.GetCommit() != 0 {
		hardState = &pb.HardState{Term: m.Term, Vote: new(m.GetVote()), Commit: new(m.GetCommit())}
	}
	n.write(hardState, m.GetEntries(), m.GetSnapshot())
	n.respond(m)
}

func (n *node) processApply() {
	m := n.applies[0]
	n.applies = n.applies[1:]
	n.apply(m.GetEntries())
	n.respond(m)
}

// respond delivers what is for the node itself and posts the rest.
func (n *node) respond(m *pb.Message) {
	for _, response := range m.GetResponses() {
		if response.GetTo() == n.id {
			_ = n.raw.Step(response)
		} else {
			n.group.post([]*pb.Message{response})
		}
	}
}

func (n *node) write(hardState *pb.HardState, entries []*pb.Entry, snapshot *pb.Snapshot) {
	if !raft.IsEmptyHardState(hardState) {
		n.storage.hardState = hardState
	}
	if !raft.IsEmptySnap(snapshot) {
		must(n.storage.ApplySnapshot(snapshot))
		if snapshot.GetMetadata().GetIndex() > n.storage.applied() {
			n.storage.state = proto.Clone(snapshot).(*pb.Snapshot)
		}
	}
	must(n.storage.Append(entries))
}

// apply lets the state machine take entries; what a snapshot already contains is skipped.
func (n *node) apply(entries []*pb.Entry) {
	for _, entry := range entries {
		if entry.GetIndex() <= n.storage.applied() {
			continue
		}
		members := n.storage.state.GetMetadata().GetConfState()
		if change := decodeConfChange(entry); change != nil {
			members = n.raw.ApplyConfChange(change)
		}
		n.storage.applyTo(entry.GetIndex(), entry.GetTerm(), members)
	}
}

// decodeConfChange is the membership change in an entry, or nil.
func decodeConfChange(entry *pb.Entry) *pb.ConfChangeV2 {
	switch entry.GetType() {
	case pb.EntryConfChange:
		cc := &pb.ConfChange{}
		must(proto.Unmarshal(entry.GetData(), cc))
		return cc.AsV2()
	case pb.EntryConfChangeV2:
		cc := &pb.ConfChangeV2{}
		must(proto.Unmarshal(entry.GetData(), cc))
		return cc
	}
	return nil
}
